"""What is asked of a server that speaks OpenAI's protocol, and what its answers are worth: no network here.

In: messages, sampling, a JSON schema, texts that came back, usage, prices, names of models. Out: call ids, answers with
a failure's name, costs against caps, whether two models are kin. Stands on `row` and `text`; `checks`, `synth` and
engines' `endpoints` import it.
"""
