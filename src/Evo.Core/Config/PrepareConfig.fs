namespace Evo.Core

/// `prepare`: makes token files and tokenizer on first use, so that a run needs one command.
type PrepareConfig =
    {
        [<Key("Text to prepare: none; sdk-docs, the documentation that the .NET SDK carries; text, the .txt and .jsonl files under prepare.input.",
              "\"none\"",
              Choices = "none|sdk-docs|text")>]
        Source: string
        [<Key("File or folder of text, for the source text.", "null")>]
        Input: string | null
        [<Key("Folder that receives text, tokenizer and token files; unset: data/<job_name>.", "null")>]
        Folder: string | null
        [<Key("Pieces of the tokenizer that is trained; the model's vocabulary must be as large.",
              "4096",
              Minimum = 64.0)>]
        VocabSize: int
        [<Key("Algorithm of the tokenizer.", "\"bpe\"", Choices = "bpe|unigram")>]
        TokenizerType: string
        [<Key("Part of the characters of the text that the tokenizer covers without falling back to bytes.",
              "0.9995",
              Minimum = 0.98,
              Maximum = 1.0)>]
        CharacterCoverage: float
        [<Key("Most sentences, drawn evenly, that the tokenizer is trained on; 0 takes all.",
              "0",
              Minimum = 0.0)>]
        TokenizerSentences: int64
        [<Key("Part of the documents held out for validation; which ones depends on their text only.",
              "0.01",
              Minimum = 0.0,
              Maximum = 0.5)>]
        HeldOut: float
        [<Key("Most documents taken from the source; 0 takes all.", "0", Minimum = 0.0)>]
        MaxDocuments: int64
        [<Key("Count a bigram and an interpolated trigram model on the training tokens, to show their held-out loss beside the model's.",
              "true")>]
        Baselines: bool
    }
