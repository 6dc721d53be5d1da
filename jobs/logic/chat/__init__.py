"""What a model sees of a conversation: ChatML, the loss mask, and what people are shown of both.

In: messages, a chat template's delimiters, token ids. Out: pieces and token rows with their labels, previews, audits
of a tokenized split. Stands on nothing else of this floor; `pages` shows its previews; `checks`, `engines` and
`preflight` import it.
"""
