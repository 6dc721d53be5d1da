"""The passes over files of rows, in bounded memory and several processes.

In: names of files, folders and hub data sets. Out: rows on disk, their keys, the account of what was dropped. Stands
on no other engine; `prepare` and the preview import it.
"""
