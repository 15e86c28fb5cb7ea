/// tokenizer.json: Hugging Face's own ids for every component that is known.
module Evo.Data.Tests.HuggingFaceTokenizers

open System
open System.Collections.Generic
open System.Globalization
open System.Text
open System.Text.Json.Nodes
open System.Threading
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch
open Evo.Data.Tests.Vocabularies

let private everything = EncodeMode.ParseSpecial ||| EncodeMode.AddSpecial

/// Lower case is the runtime's, whose Unicode is older than that of Hugging Face's engine: characters that came later are left out.
let private known (text: string) =
    String.Join(
        "",
        [
            for rune in text.EnumerateRunes() do
                if Rune.GetUnicodeCategory rune <> UnicodeCategory.OtherNotAssigned then
                    string rune
        ]
    )

let private agreement count bytes =
    both bytes (fun theirs ours ->
        agree theirs ours everything ""

        Check.One(
            cases count,
            Prop.forAll (Arb.fromGen (Gen.map known corners)) (agree theirs ours everything)
        ))

let private byteLevel =
    json """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"""

let private decoder = byteLevel

let private vocab =
    lazy
        (let model = model "small"
         (nonNull model["vocab"]).AsObject())

/// Added tokens with flags that are to be true, or with a minus false. Those of the small vocabulary keep their ids, the
/// others follow from that number on.
let private addedFrom (first: int) (tokens: (string * string) list) =
    let mutable next = first - 1

    JsonArray(
        [|
            for content, flags in tokens do
                let id =
                    match (if first = 3000 then vocab.Value[content] else null) with
                    | null ->
                        next <- next + 1
                        next
                    | id -> id.GetValue<int>()

                let token =
                    json
                        $"""{{"id":{id},"single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}}"""

                token["content"] <- JsonValue.Create content

                for flag in flags.Split(' ', StringSplitOptions.RemoveEmptyEntries) do
                    token[flag.TrimStart '-'] <- JsonValue.Create(not (flag.StartsWith '-'))

                yield token
        |]
    )

let private added = addedFrom 3000

[<Fact>]
let ``GPT-2's vocabulary has GPT-2's ids`` () =
    let bytes =
        file
            [
                "model", model "gpt2"
                "pre_tokenizer", byteLevel.DeepClone()
                "decoder", decoder.DeepClone()
            ]

    use tokenizer = HuggingFaceTokenizer.Parse("gpt2", bytes)
    Assert.Equal<int list>([ 15496; 11; 995; 0 ], List.ofSeq (tokenizer.EncodeToIds "Hello, world!"))
    Assert.Equal("Hello, world!", tokenizer.Decode [ 15496; 11; 995; 0 ])
    agreement 1000 bytes

[<Theory>]
[<InlineData "llama3">]
[<InlineData "qwen2">]
[<InlineData "unknown">]
let ``the families' split patterns give Hugging Face's ids`` (family: string) =
    let pattern =
        match family with
        | "llama3" -> KnownPattern.Llama3
        | "qwen2" -> KnownPattern.Qwen2
        // That of o200k, which has no scanner.
        | _ -> (nonNull (TiktokenEncoding.Named "o200k_base")).Pattern

    let model = model "cl100k_base"

    if family = "llama3" then
        model["ignore_merges"] <- JsonValue.Create true

    agreement
        500
        (file
            [
                "model", model
                "normalizer", (if family = "qwen2" then json """{"type":"NFC"}""" else null)
                "pre_tokenizer", byPattern pattern
                "decoder", decoder.DeepClone()
                "added_tokens",
                addedFrom 100_256 [ "<|begin|>", ""; "<|end|>", ""; "<|im_start|>", "-special" ]
                "post_processor",
                json
                    """{"type":"Sequence","processors":[{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true},
                        {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<|begin|>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
                         "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
                         "special_tokens":{"<|begin|>":{"id":"<|begin|>","ids":[100256],"tokens":["<|begin|>"]}}}]}"""
            ])

[<Theory>]
[<InlineData("", "")>]
[<InlineData("single_word", "hello")>]
[<InlineData("lstrip", "")>]
[<InlineData("rstrip", "")>]
[<InlineData("lstrip rstrip single_word", "")>]
[<InlineData("-special normalized", "Hello")>]
[<InlineData("-special normalized single_word rstrip", "HELLO")>]
[<InlineData("normalized lstrip", "")>]
let ``added tokens are found as their flags say`` (flags: string) (more: string) =
    let tokens =
        [
            "<|end|>", flags
            "<|end|><|end|>", ""
            "[MASK]", flags
            "hello", flags
            " ", flags
            "'s", flags
            "天", flags
            (if more = "" then "x y" else more), "-special"
        ]

    agreement
        500
        (file
            [
                "model", model "small"
                "normalizer",
                json """{"type":"Sequence","normalizers":[{"type":"NFKC"},{"type":"Lowercase"}]}"""
                "pre_tokenizer", byteLevel.DeepClone()
                "decoder", decoder.DeepClone()
                "added_tokens", added (List.distinctBy fst tokens)
            ])

[<Theory>]
[<InlineData """{"type":"NFC"}""">]
[<InlineData """{"type":"NFD"}""">]
[<InlineData """{"type":"NFKC"}""">]
[<InlineData """{"type":"NFKD"}""">]
[<InlineData """{"type":"Lowercase"}""">]
[<InlineData """{"type":"Strip","strip_left":true,"strip_right":false}""">]
[<InlineData """{"type":"Strip","strip_left":true,"strip_right":true}""">]
[<InlineData """{"type":"Prepend","prepend":"\u2581"}""">]
[<InlineData """{"type":"Replace","pattern":{"String":" "},"content":"__"}""">]
[<InlineData """{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "}""">]
[<InlineData """{"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"},{"type":"Lowercase"},{"type":"Prepend","prepend":"x"}]}""">]
let ``normalizers are Hugging Face's`` (normalizer: string) =
    agreement
        500
        (file
            [
                "model", model "small"
                "normalizer", json normalizer
                "pre_tokenizer", byteLevel.DeepClone()
                "decoder", decoder.DeepClone()
                "added_tokens", added [ "<|end|>", "" ]
            ])

[<Theory>]
[<InlineData """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}""">]
[<InlineData """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":false}""">]
[<InlineData """{"type":"Digits","individual_digits":true}""">]
[<InlineData """{"type":"Digits","individual_digits":false}""">]
[<InlineData """{"type":"Whitespace"}""">]
[<InlineData """{"type":"WhitespaceSplit"}""">]
[<InlineData """{"type":"Punctuation","behavior":"Isolated"}""">]
[<InlineData """{"type":"Punctuation","behavior":"MergedWithNext"}""">]
[<InlineData """{"type":"CharDelimiterSplit","delimiter":"e"}""">]
[<InlineData """{"type":"Split","pattern":{"String":"l"},"behavior":"Removed","invert":false}""">]
[<InlineData """{"type":"Split","pattern":{"String":"l"},"behavior":"MergedWithPrevious","invert":false}""">]
[<InlineData """{"type":"Split","pattern":{"String":"l"},"behavior":"MergedWithNext","invert":false}""">]
[<InlineData """{"type":"Split","pattern":{"Regex":"\\p{L}"},"behavior":"Contiguous","invert":false}""">]
[<InlineData """{"type":"Split","pattern":{"Regex":"\\p{N}{1,3}|\\p{L}+"},"behavior":"Removed","invert":true}""">]
[<InlineData """{"type":"Split","pattern":{"Regex":"\\w+|[^\\w\\s]+"},"behavior":"MergedWithPrevious","invert":true}""">]
[<InlineData """{"type":"Metaspace","replacement":"_","prepend_scheme":"always","split":true}""">]
[<InlineData """{"type":"Metaspace","replacement":"_","prepend_scheme":"first","split":true}""">]
[<InlineData """{"type":"Metaspace","replacement":"_","prepend_scheme":"never","split":false}""">]
let ``pre-tokenizers are Hugging Face's`` (preTokenizer: string) =
    let preTokenizer =
        if preTokenizer.Contains "ByteLevel" then
            json preTokenizer
        else
            json
                $"""{{"type":"Sequence","pretokenizers":[{preTokenizer},
                    {{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}}]}}"""

    agreement
        500
        (file
            [
                "model", model "small"
                "pre_tokenizer", preTokenizer
                "decoder", decoder.DeepClone()
                "added_tokens", added [ "<|end|>", "" ]
            ])

/// A sentencepiece model written as a tokenizer.json, as Llama 2's is: merges in the order of the pieces' scores.
let private converted (fallback: bool) =
    let lines =
        [
            for i in 1..300 -> $"the quick brown fox {i} jumps over lazy dogs 今天天气 naïve {i * i}"
        ]

    let mutable count = 0L

    let bytes =
        SentencePieceTrainer.Train(
            SentencePieceOptions(VocabSize = 420, CharacterCoverage = 0.99, AddDummyPrefix = true),
            lines,
            "m",
            null,
            CancellationToken.None,
            &count
        )

    use sentences = new SentencePieceTokenizer("m", ReadOnlySpan bytes)
    let vocab = JsonObject()

    for id in 0 .. sentences.VocabSize - 1 do
        vocab.Add(sentences.IdToPiece id, JsonValue.Create id)

    let merges =
        [|
            for id in 0 .. sentences.VocabSize - 1 do
                let piece = sentences.IdToPiece id

                if sentences.IdToType id = PieceType.Normal then
                    for at in 1 .. piece.Length - 1 do
                        if vocab.ContainsKey piece[.. at - 1] && vocab.ContainsKey piece[at..] then
                            yield sentences.IdToScore id, $"{piece[.. at - 1]} {piece[at..]}"
        |]
        |> Array.sortByDescending fst

    let model =
        fields
            [
                "type", JsonValue.Create "BPE"
                "unk_token", JsonValue.Create "<unk>"
                "fuse_unk", JsonValue.Create true
                "byte_fallback", JsonValue.Create fallback
                "vocab", vocab
                "merges",
                JsonArray(
                    merges
                    |> Array.map (fun (_, merge) -> (JsonValue.Create merge: JsonNode | null))
                )
            ]

    file
        [
            "model", model
            "normalizer",
            json
                """{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"\u2581"},{"type":"Replace","pattern":{"String":" "},"content":"\u2581"}]}"""
            "decoder",
            json
                """{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"\u2581"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}"""
            "added_tokens",
            json
                """[{"id":1,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}]"""
            "post_processor",
            json
                """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
                    "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
                    "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}}"""
        ],
    bytes

[<Theory>]
[<InlineData true>]
[<InlineData false>]
let ``a sentencepiece model turned into a tokenizer.json has Hugging Face's ids`` (fallback: bool) =
    let bytes, _ = converted fallback
    agreement 1000 bytes

[<Fact>]
let ``and those of the sentencepiece model itself`` () =
    let bytes, model = converted true
    use ours = HuggingFaceTokenizer.Parse("json", bytes)
    use sentences = new SentencePieceTokenizer("m", ReadOnlySpan model)
    Assert.Equal((Nullable 1, Nullable 0), (ours.BosId, ours.UnkId))

    let law (text: string) =
        let wanted = sentences.EncodeToIds text |> List.ofSeq
        Assert.Equal<int list>(wanted, ours.EncodeToIds text |> List.ofSeq)

        if not (text.Contains '\u2581') && text <> "" then
            Assert.Equal(text, ours.Decode wanted)

    Check.One(cases 1000, Prop.forAll (Arb.fromGen corners) law)

[<Fact>]
let ``special tokens in text are text unless asked for, and shown only when asked`` () =
    let bytes =
        file
            [
                "model", model "small"
                "pre_tokenizer", byteLevel.DeepClone()
                "decoder", decoder.DeepClone()
                "added_tokens", added [ "<|end|>", ""; "<tool>", "-special" ]
            ]

    use tokenizer = HuggingFaceTokenizer.Parse("t", bytes)
    let text = "a<|end|>b<tool>"
    Assert.DoesNotContain(3000, tokenizer.EncodeToIds text)
    Assert.Contains(3001, tokenizer.EncodeToIds text)
    Assert.Equal(text, tokenizer.Decode(tokenizer.EncodeToIds text))
    let parsed = tokenizer.EncodeToIds(text, EncodeMode.ParseSpecial)
    Assert.Contains(3000, parsed)
    Assert.Equal("ab<tool>", tokenizer.Decode parsed)
    Assert.Equal(text, tokenizer.Decode(parsed, true))
    Assert.Equal(3002, tokenizer.VocabSize)

    for id in [ -1; 3002; 5000 ] do
        Assert.Throws<ArgumentOutOfRangeException>(fun () -> tokenizer.Decode [ id ] |> ignore)
        |> ignore

[<Fact>]
let ``places of tokens run through the text in order, and ids with places are ids without`` () =
    let bytes =
        file
            [
                "model", model "small"
                "normalizer",
                json """{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]}"""
                "pre_tokenizer", byteLevel.DeepClone()
                "decoder", decoder.DeepClone()
                "added_tokens", added [ "<|end|>", "lstrip" ]
            ]

    use tokenizer = HuggingFaceTokenizer.Parse("t", bytes)
    let text = "Ae\u0301 🦊 B <|end|>."
    let tokens = tokenizer.EncodeToTokens(text, EncodeMode.ParseSpecial)

    let part (token: EncodedToken) =
        let struct (start, length) = token.Offset.GetOffsetAndLength text.Length
        text.Substring(start, length)

    Assert.Equal<string list>(
        [ "A"; "e\u0301"; " "; "🦊"; " B"; " <|end|>"; "." ],
        tokens |> Seq.map part |> Seq.distinct |> List.ofSeq
    )

    let law (text: string) =
        let tokens = tokenizer.EncodeToTokens(text, EncodeMode.ParseSpecial)
        Assert.Equal<int>(tokenizer.EncodeToIds(text, EncodeMode.ParseSpecial), tokens |> Seq.map _.Id)
        let starts = [ for token in tokens -> token.Offset.Start.Value ]
        Assert.Equal<int list>(List.sort starts, starts)

        if tokens.Count > 0 then
            Assert.Equal((0, text.Length), (starts[0], (Seq.last tokens).Offset.End.Value))

    Check.One(cases 500, Prop.forAll (Arb.fromGen corners) law)
