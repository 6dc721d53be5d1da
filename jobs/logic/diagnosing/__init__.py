"""From what was seen in files to causes: what each is, what speaks for and against it, in which order they are told.

In: evidence, as plain records that know no file format. Out: a diagnosis, and the pages that tell it. Knows no model
and no file. Stands on `pages` (amounts), `stats`, `text`, `row`; the engine `diagnosing` fills the evidence.
"""
