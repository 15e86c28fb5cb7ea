/// tokenizer.json and tokenizer_config.json in other forms, with text that is not right, and with what is not known: a refusal by name.
module Evo.Data.Tests.DamagedTokenizers

open System
open System.IO
open System.Text
open System.Text.Json.Nodes
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch
open Evo.Data.Tests.Vocabularies

let private everything = EncodeMode.ParseSpecial ||| EncodeMode.AddSpecial

let private byteLevel =
    json """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"""

[<Fact>]
let ``merges as pairs are those as text`` () =
    let model = model "small"

    let pairs =
        JsonArray(
            [|
                for merge in (nonNull model["merges"]).AsArray() ->
                    let parts = (nonNull merge).GetValue<string>().Split ' '
                    (JsonArray(JsonValue.Create parts[0], JsonValue.Create parts[1]): JsonNode | null)
            |]
        )

    let texts = file [ "model", model; "pre_tokenizer", byteLevel.DeepClone() ]

    model.Parent
    |> Option.ofObj
    |> Option.iter (fun parent -> parent.AsObject().Remove "model" |> ignore)

    model["merges"] <- pairs
    let pairs = file [ "model", model; "pre_tokenizer", byteLevel.DeepClone() ]
    use one = HuggingFaceTokenizer.Parse("texts", texts)
    use two = HuggingFaceTokenizer.Parse("pairs", pairs)

    Check.One(
        cases 300,
        Prop.forAll (Arb.fromGen corners) (fun text ->
            Assert.Equal<int list>(List.ofSeq (one.EncodeToIds text), List.ofSeq (two.EncodeToIds text)))
    )

[<Fact>]
let ``a byte that is no UTF-8 counts as U+FFFD`` () =
    let bytes =
        file
            [
                "model", model "small"
                "pre_tokenizer", byteLevel.DeepClone()
                "decoder", byteLevel.DeepClone()
            ]

    use tokenizer = HuggingFaceTokenizer.Parse("t", bytes)
    let ids = Buffers.ArrayBufferWriter<int>()
    tokenizer.EncodeUtf8(ReadOnlySpan [| 97uy; 0xFFuy; 0xE4uy; 0xBDuy; 98uy |], ids)
    Assert.Equal<int>(tokenizer.EncodeToIds "a\uFFFD\uFFFD\uFFFDb", ids.WrittenSpan.ToArray())

let private tiny =
    """{"added_tokens":[{"id":7,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
        "normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Replace","pattern":{"String":" "},"content":"_"}]},
        "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\p{L}+|_"},"behavior":"Isolated","invert":false}]},
        "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
         "special_tokens":{"<s>":{"id":"<s>","ids":[7],"tokens":["<s>"]}}},
        "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"_"},"content":" "},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
        "model":{"type":"BPE","dropout":null,"unk_token":"?","fuse_unk":false,"byte_fallback":false,"vocab":{"?":0,"a":1,"b":2,"_":3,"ab":4,"aba":5,"c":6},
         "merges":["a b",["ab","a"]]}}"""

[<Theory>]
[<InlineData("\"NFC\"", "\"Nmt\"", "normalizer.normalizers[0].type", "\"Nmt\"")>]
[<InlineData("\"type\":\"Split\"",
             "\"type\":\"UnicodeScripts\"",
             "pre_tokenizer.pretokenizers[0].type",
             "UnicodeScripts")>]
[<InlineData("\"Isolated\"", "\"Odd\"", "pre_tokenizer.pretokenizers[0].behavior", "Odd")>]
[<InlineData("\"\\\\p{L}+|_\"", "\"(?<=a)b\"", "pre_tokenizer.pretokenizers[0].pattern.Regex", "group")>]
[<InlineData("\"Fuse\"", "\"CTC\"", "decoder.decoders[1].type", "CTC")>]
[<InlineData("\"TemplateProcessing\"", "\"Odd\"", "post_processor.type", "Odd")>]
[<InlineData("\"ids\":[7]", "\"ids\":[70]", "post_processor", "the id 70")>]
[<InlineData("\"BPE\"", "\"Unigram\"", "model.type", "only BPE")>]
[<InlineData("\"dropout\":null", "\"dropout\":0.1", "model.dropout", "never dropped")>]
[<InlineData("\"a b\"", "\"a b c\"", "model.merges[0]", "two")>]
[<InlineData("\"a b\"", "\"a c\"", "model.merges[0]", "\"ac\"")>]
[<InlineData("\"c\":6", "\"c\":5", "model.vocab.c", "a second time")>]
[<InlineData("\"c\":6", "\"c\":-1", "model.vocab.c", "-1")>]
[<InlineData("\"unk_token\":\"?\"", "\"unk_token\":\"!\"", "model.unk_token", "in the vocabulary")>]
[<InlineData("\"vocab\"", "\"vokab\"", "model", "no field \"vocab\"")>]
[<InlineData("\"content\":\"<s>\"", "\"content\":\"a\"", "added_tokens[0].id", "the id 1")>]
let ``what is not known or not right is refused at its place``
    (old: string)
    (changed: string)
    (place: string)
    (reason: string)
    =
    Assert.Contains(old, tiny)

    let error =
        Assert.Throws<DataException>(fun () ->
            HuggingFaceTokenizer.Parse("t.json", Encoding.UTF8.GetBytes(tiny.Replace(old, changed)))
            |> ignore)

    Assert.StartsWith($"t.json: {place}: ", error.Message)
    Assert.Contains(reason, error.Message)

/// A text with up to some characters changed, removed or words put in between, and now and then cut.
let private altered (text: string) (words: string[]) =
    let alterations =
        Gen.zip
            (Gen.resize
                3
                (Gen.listOf (
                    Gen.zip3 (Gen.choose (0, text.Length - 1)) (Gen.choose (0, 2)) (Gen.choose (32, 126))
                )))
            (Gen.frequency [ 4, Gen.constant (2 * text.Length); 1, Gen.choose (0, text.Length) ])

    let apply (changes: (int * int * int) list, cut: int) =
        let text = StringBuilder text

        for at, kind, value in changes do
            let at = at % text.Length

            match kind with
            | 0 -> text[at] <- char value
            | 1 -> text.Remove(at, min (value % 9) (text.Length - at)) |> ignore
            | _ -> text.Insert(at, words[value % words.Length]) |> ignore

        let bytes = Encoding.UTF8.GetBytes(text.ToString())
        bytes[.. min cut bytes.Length - 1]

    Gen.map apply alterations

let private values =
    [|
        "null"
        "true"
        "-1"
        "2147483647"
        "1e999"
        "\"\""
        "{}"
        "[]"
        "\"\\ud800\""
        "99999999999"
    |]

[<Fact>]
let ``no altered file crashes or hangs the reader`` () =
    let words =
        Array.append values [| "\"(a|a)+b\""; "\"type\":"; "\"Sequence\""; "{\"type\":\"ByteLevel\"}" |]

    let law (bytes: byte[]) =
        orderly "t.json" (fun () ->
            use tokenizer = HuggingFaceTokenizer.Parse("t.json", bytes)
            let ids = tokenizer.EncodeToIds("abab c<s>d e\u0301", everything)
            tokenizer.Decode ids |> ignore)

    Check.One(cases 5000, Prop.forAll (Arb.fromGen (altered tiny words)) law)

let private besides =
    """{"bos_token":"<s>","eos_token":{"content":"</s>","lstrip":false},"pad_token":null,"unk_token":"<unk>","add_bos_token":true,"add_eos_token":false,
        "added_tokens_decoder":{"470":{"content":"<s>","special":true},"471":{"content":"</s>","lstrip":true,"rstrip":true,"special":true},
         "500":{"content":"[word]","single_word":true,"normalized":true,"special":false}},
        "chat_template":[{"name":"default","template":"{% for m in messages %}<s>{{ m.role }}: {{ m.content | trim }}</s>{% endfor %}"},{"name":"tools","template":""}]}"""

[<Fact>]
let ``no altered tokenizer_config.json crashes or hangs the reader`` () =
    inFolder (fun folder ->
        let bytes256 =
            [ for value in 0..255 -> $"{Convert.ToBase64String [| byte value |]} {value}" ]

        File.WriteAllLines(Path.Combine(folder, "qwen.tiktoken"), bytes256)
        let config = Path.Combine(folder, "tokenizer_config.json")

        let law (bytes: byte[]) =
            File.WriteAllBytes(config, bytes)

            orderly config (fun () ->
                use tokenizer = TokenizerFiles.Open folder
                let ids = tokenizer.EncodeToIds("a <s> [word] </s> b", everything)
                tokenizer.Decode ids |> ignore
                Assert.All(ids, (fun id -> Assert.InRange(id, 0, tokenizer.VocabSize - 1)))

                match tokenizer.ChatTemplate with
                | null -> ()
                | template -> template.Render([ ChatMessage("user", "a") ], true) |> ignore)

        Assert.True(law (Encoding.UTF8.GetBytes besides))
        Check.One(cases 5000, Prop.forAll (Arb.fromGen (altered besides values)) law))
