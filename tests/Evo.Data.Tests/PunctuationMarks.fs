/// What counts as punctuation, character by character.
module Evo.Data.Tests.PunctuationMarks

open System
open Xunit
open Evo.Data.Tests.Vocabularies

/// Which characters a pre-tokenizer takes for punctuation: it removes them, and of the others something is left.
[<Fact>]
let ``every character is punctuation for Hugging Face or for neither`` () =
    let bytes =
        file
            [
                "model", model "small"
                "pre_tokenizer",
                json
                    """{"type":"Sequence","pretokenizers":[{"type":"Punctuation","behavior":"Removed"},
                        {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]}"""
            ]

    both bytes (fun theirs ours ->
        let different =
            [
                for rune in Seq.append [ 0x80..0x323AF ] [ 0xE0000..0xE01EF ] do
                    if rune < 0xD800 || rune > 0xDFFF then
                        let text = Char.ConvertFromUtf32 rune

                        if theirs.Encode(text).Length = 0 <> (ours.EncodeToIds(text).Count = 0) then
                            $"U+{rune:X4}"
            ]

        Assert.True(different.IsEmpty, String.Join(" ", different)))
