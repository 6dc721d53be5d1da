"""What is asked of a server and what came back, without a server.

In: messages, sampling, a schema. Out: calls with their digests, answers or the word for why there is none. Stands on a
row's shape (`logic/row.py`); `synth`, `engines/endpoints` and the stages that ask import it.
"""
