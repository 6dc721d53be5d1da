"""Which of two answers is better: pairs, what a judge is asked, what it said, and what may be said of that.

In: prompts with two answers each, and somebody to ask. Out: outcomes, what shows that a judge can be used, a verdict in
words. Knows no server and no file. Stands on `stats`, `endpoints`, `synth` (rubrics), `pages` (amounts), `row`, `text`;
`comparing` imports it.
"""
