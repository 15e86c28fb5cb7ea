/// A tokenizer is opened from a path, whatever kind of file or folder it is.
module Evo.Data.Tests.OpenedTokenizers

open System
open System.IO
open System.Text
open System.Threading
open Evo.Data
open Xunit
open Evo.Data.Tests.Scratch
open Evo.Data.Tests.Vocabularies

let private sentences =
    lazy
        (let mutable lines = 0L

         SentencePieceTrainer.Train(
             SentencePieceOptions(VocabSize = 360, UserDefined = [| "[UNUSED_1]"; "[UNUSED_2]" |]),
             [ for i in 1..200 -> $"the quick brown fox {i} jumps over lazy dogs" ],
             "m",
             null,
             CancellationToken.None,
             &lines
         ))

let private json =
    lazy
        (file
            [
                "model", model "small"
                "pre_tokenizer",
                Vocabularies.json
                    """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"""
                "added_tokens", Vocabularies.json """[{"id":3000,"content":"<e>","special":true}]"""
                "decoder", Vocabularies.json """{"type":"ByteLevel"}"""
            ])

let private write folder name (bytes: byte[]) =
    File.WriteAllBytes(Path.Combine(folder, name), bytes)

let private writeText folder name (text: string) =
    File.WriteAllText(Path.Combine(folder, name), text)

let private config =
    """{"bos_token":"<s>","eos_token":{"content":"<e>","lstrip":false},"pad_token":null,"add_bos_token":false,"add_eos_token":true,
        "chat_template":"{{ bos_token }}{% for m in messages %}{{ m.content }}<e>{% endfor %}"}"""

[<Fact>]
let ``each kind of file is known by what stands in it`` () =
    inFolder (fun folder ->
        write folder "a.model" (sentences.Force())
        write folder "llama3.tiktoken" (tiktoken "gpt2")
        write folder "any.json" (json.Force())

        let kind name =
            TokenizerFiles.Open(Path.Combine(folder, name)).GetType().Name

        Assert.Equal("SentencePieceTokenizer", kind "a.model")
        Assert.Equal("TiktokenTokenizer", kind "llama3.tiktoken")
        Assert.Equal("HuggingFaceTokenizer", kind "any.json")
        refused folder "not clear" (fun () -> TokenizerFiles.Open folder)
        refused "nowhere" "no such file" (fun () -> TokenizerFiles.Open(Path.Combine(folder, "nowhere")))
        // tokenizer.model is Llama 3's name for a tiktoken file, and everybody else's for a sentencepiece model.
        write folder "tokenizer.model" (tiktoken "gpt2")
        use llama = TokenizerFiles.Open folder
        Assert.Equal("<|begin_of_text|>", llama.IdToPiece llama.BosId.Value)
        write folder "tokenizer.json" (json.Force())
        Assert.Equal("HuggingFaceTokenizer", TokenizerFiles.Open(folder).GetType().Name))

[<Fact>]
let ``an empty folder has no tokenizer`` () =
    inFolder (fun folder ->
        Assert.False(TokenizerFiles.AreIn folder)
        refused folder "no tokenizer" (fun () -> TokenizerFiles.Open folder))

[<Fact>]
let ``the config beside a tokenizer.json names marks, puts them around, and has the chat template`` () =
    inFolder (fun folder ->
        write folder "tokenizer.json" (json.Force())
        writeText folder "tokenizer_config.json" config
        use tokenizer = TokenizerFiles.Open folder

        Assert.Equal(
            (Nullable(), Nullable 3000, Nullable()),
            (tokenizer.BosId, tokenizer.EosId, tokenizer.PadId)
        )

        let plain = tokenizer.EncodeToIds "the" |> List.ofSeq

        Assert.Equal<int list>(
            plain @ [ 3000 ],
            tokenizer.EncodeToIds("the", EncodeMode.AddSpecial) |> List.ofSeq
        )

        let template = nonNull tokenizer.ChatTemplate

        let ids =
            ChatTokens.Encode(tokenizer, template, [ ChatMessage("user", "the") ], false)

        Assert.Equal<int list>(plain @ [ 3000 ], List.ofSeq ids)
        writeText folder "chat_template.jinja" "other"
        use tokenizer = TokenizerFiles.Open folder
        Assert.Equal("other", (nonNull tokenizer.ChatTemplate).Text)

        Assert.Equal<string list>(
            [ "tokenizer.json"; "tokenizer_config.json"; "chat_template.jinja" ],
            TokenizerFiles.Of folder
            |> Seq.map (fun path -> nonNull (Path.GetFileName path))
            |> List.ofSeq
        )

        writeText folder "chat_template.jinja" "{% nonsense %}"
        refused "chat_template.jinja:1" "nonsense" (fun () -> TokenizerFiles.Open folder))

[<Fact>]
let ``a sentencepiece model whose spare pieces are a chat format's marks never makes them of text`` () =
    inFolder (fun folder ->
        write folder "tokenizer.model" (sentences.Force())
        use bare = TokenizerFiles.Open folder
        let spare = (bare.PieceToId "[UNUSED_1]").Value
        Assert.Contains(spare, bare.EncodeToIds "a[UNUSED_1]b")

        writeText
            folder
            "tokenizer_config.json"
            $"""{{"added_tokens_decoder":{{"{spare}":{{"content":"<|im_end|>","special":true}},"1":{{"content":"<s>","special":true}},
                 "{bare.VocabSize}":{{"content":"<tool>","special":false}}}},"eos_token":"<|im_end|>"}}"""

        use tokenizer = TokenizerFiles.Open folder

        Assert.Equal(
            (Nullable spare, Nullable 1, bare.VocabSize + 1),
            (tokenizer.EosId, tokenizer.BosId, tokenizer.VocabSize)
        )

        for text in [ "a[UNUSED_1]b"; "a<|im_end|>b"; "<s>" ] do
            let ids = tokenizer.EncodeToIds text
            Assert.DoesNotContain(spare, ids)
            Assert.DoesNotContain(1, ids)
            Assert.Equal(text, tokenizer.Decode ids)

        let text = "<s>fox<|im_end|>the<tool>🦊"
        let ids = tokenizer.EncodeToIds(text, EncodeMode.ParseSpecial)

        Assert.Equal<int list>(
            [ 1; spare; bare.VocabSize ],
            ids
            |> Seq.filter (fun id -> id = 1 || id = spare || id >= bare.VocabSize)
            |> List.ofSeq
        )

        Assert.Equal("foxthe<tool>🦊", tokenizer.Decode ids)
        Assert.Equal(text, tokenizer.Decode(ids, true))

        for token in tokenizer.EncodeToTokens(text, EncodeMode.ParseSpecial) do
            let struct (start, length) = token.Offset.GetOffsetAndLength text.Length

            if token.Id = spare then
                Assert.Equal("<|im_end|>", text.Substring(start, length))

        Assert.Equal(1, Seq.head (tokenizer.EncodeToIds("fox", EncodeMode.AddSpecial)))
        Assert.Contains((bare.PieceToId "[UNUSED_2]").Value, tokenizer.EncodeToIds "[UNUSED_2]"))

[<Fact>]
let ``a config that is not right is refused at its place`` () =
    inFolder (fun folder ->
        write folder "tokenizer.json" (json.Force())

        for text, place, reason in
            [
                "{", "tokenizer_config.json:1", "no JSON"
                """{"bos_token":1}""", "tokenizer_config.json: bos_token", "object"
                """{"add_bos_token":"yes"}""", "tokenizer_config.json: add_bos_token", "true or false"
                """{"added_tokens_decoder":{"x":{"content":"a"}}}""",
                "added_tokens_decoder.x",
                "id of the token"
                """{"chat_template":[{"name":"a","template":"b"}]}""", "chat_template", "default"
                """{"chat_template":"{{ x"}""", "tokenizer_config.json: chat_template:1", "without }}"
            ] do
            writeText folder "tokenizer_config.json" text
            refused place reason (fun () -> TokenizerFiles.Open folder))
