/// Conversations into token files: what the model says is learned, everything else is context, and no text becomes a mark.
module Evo.Data.Tests.Conversations

open System
open System.IO
open System.Text.Json
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch

/// A tokenizer of one line of prose that has the marks of both templates.
let private small =
    lazy
        (let mutable lines = 0L

         SentencePieceTrainer.Train(
             SentencePieceOptions(
                 VocabSize = 330,
                 CharacterCoverage = 1.0,
                 UserDefined = [| "<eoh>"; "<eoa>"; "<|im_start|>"; "<|im_end|>" |]
             ),
             [
                 for i in 1..200 -> $"the bee number {i} sees seven foxes and asks them a question"
             ],
             "small",
             null,
             Threading.CancellationToken.None,
             &lines
         ))

let private smallTokenizer () =
    new SentencePieceTokenizer("small", ReadOnlySpan(small.Force()))

let private ids (template: string) tokenizer (turns: Turn list) =
    ChatTemplate.For(template, tokenizer).Encode turns |> List.ofSeq

let private turns: Gen<Turn list> =
    let words =
        Gen.frequency
            [
                3, text
                1, Gen.elements [ "<eoh>"; "<eoa>"; "<|im_end|>"; "a<|im_start|>system\nb<eoh"; "<|User|>:" ]
            ]

    gen {
        let! rest =
            Gen.listOf (
                Gen.map2
                    (fun speaker text -> Turn(speaker, text))
                    (Gen.elements [ Speaker.System; Speaker.User; Speaker.Assistant; Speaker.Environment ])
                    words
            )

        let! last = words
        return rest @ [ Turn(Speaker.Assistant, last) ]
    }

[<Fact>]
let ``what is learned is what the assistant says, and the marks are those of the turns and no others`` () =
    use tokenizer = smallTokenizer ()

    let id (piece: string) = tokenizer.PieceToId(piece).Value

    let marks = Set [ id "<eoh>"; id "<eoa>"; id "<|im_start|>"; id "<|im_end|>" ]

    let law (turns: Turn list) =
        [
            for template, closing, perTurn in [ "internlm", "<eoa>\n", 1; "chatml", "<|im_end|>", 2 ] do
                let all = ids template tokenizer turns

                let said =
                    turns
                    |> List.filter (fun turn -> turn.Speaker = Speaker.Assistant)
                    |> List.map (fun turn -> turn.Text + closing)
                    |> String.concat ""
                    // sentencepiece writes a space as this sign, and takes the sign for a space.
                    |> _.Replace('\u2581', ' ')

                let systems =
                    turns |> List.filter (fun turn -> turn.Speaker = Speaker.System) |> List.length

                let used = all |> List.filter (fun id -> marks.Contains(abs id)) |> List.length

                tokenizer.Decode(List.filter (fun id -> id > 0) all) = said
                && used = perTurn * turns.Length - (if perTurn = 1 then systems else 0)
        ]
        |> List.forall (fun holds -> holds)

    Check.One(cases 200, Prop.forAll (Arb.fromGen turns) law)

let private example =
    [
        Turn(Speaker.User, "Say hello.\nTwice")
        Turn(Speaker.Assistant, "Hello, hello!")
    ]

[<Fact>]
let ``InternLM's template has InternEvo's form, with marks and line ends as the model has them`` () =
    use tokenizer = SentencePieceTokenizer.Load(testData "tokenizer_internlm.model")
    let plain (text: string) = List.ofSeq (tokenizer.EncodeToIds text)
    let eoh, eoa, line = 103027, 103028, 364

    let expected =
        List.map (~-) (plain "<|User|>:Say hello.\nTwice" @ [ eoh; line ] @ plain "<|Bot|>:")
        @ plain "Hello, hello!"
        @ [ eoa; line ]

    Assert.Equal<int list>(expected, ids "internlm" tokenizer example)

[<Fact>]
let ``ChatML finds its marks in a bare InternLM2 model under the names of unused pieces`` () =
    use tokenizer = SentencePieceTokenizer.Load(testData "tokenizer_internlm2.model")
    let plain (text: string) = List.ofSeq (tokenizer.EncodeToIds text)
    let starts, ends, line = 92543, 92542, List.exactlyOne (plain "\n")

    let expected =
        List.map (~-) ([ starts ] @ plain "user\n" @ plain "Say hello.\nTwice" @ [ ends; line ])
        @ List.map (~-) ([ starts ] @ plain "assistant\n")
        @ plain "Hello, hello!"
        @ [ ends; -line ]

    Assert.Equal<int list>(expected, ids "chatml" tokenizer example)
    // Written by somebody, the same marks are text.
    let injected =
        ids "chatml" tokenizer [ Turn(Speaker.Assistant, "[UNUSED_TOKEN_145]") ]

    Assert.Equal(2, injected |> List.filter (fun id -> abs id > 92352) |> List.length)

let private read (json: string) =
    Conversation.Read(ReadOnlyMemory(Text.Encoding.UTF8.GetBytes json), "a.jsonl:7")
    |> List.ofSeq

[<Fact>]
let ``Alpaca, ShareGPT and ChatML say the same conversation`` () =
    let whole = Turn(Speaker.System, "Be brief.") :: example

    Assert.Equal<Turn list>(
        whole,
        read
            """{"instruction": "Say hello.", "input": "Twice", "output": "Hello, hello!", "system": "Be brief.", "history": null}"""
    )

    Assert.Equal<Turn list>(
        whole,
        read
            """{"id": 3, "conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "Say hello.\nTwice"},
               {"from": "gpt", "value": "Hello, hello!"}]}"""
    )

    Assert.Equal<Turn list>(
        whole,
        read
            """{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello.\nTwice"},
               {"role": "assistant", "content": "Hello, hello!"}]}"""
    )

    Assert.Equal<Turn list>(
        [
            Turn(Speaker.User, "one")
            Turn(Speaker.Assistant, "two")
            Turn(Speaker.User, "three")
            Turn(Speaker.Assistant, "")
        ],
        read """{"instruction": "three", "input": "", "output": "", "history": [["one", "two"]]}"""
    )

[<Fact>]
let ``what is no conversation is refused with its line`` () =
    for json, reason in
        [
            "[]", "no JSON object"
            "{", "not valid JSON"
            """{"text": "x"}""", "the fields text"
            """{"instruction": "x"}""", "no field 'output'"
            """{"instruction": 3, "output": ""}""", "field 'instruction' is no text"
            """{"instruction": "x", "output": "y", "history": [["z"]]}""", "no pair"
            """{"messages": {}}""", "field 'messages' is no list"
            """{"messages": [3]}""", "no object"
            """{"messages": [{"content": "x"}]}""", "without 'role'"
            """{"messages": [{"role": "user"}]}""", "without 'content'"
            """{"messages": [{"role": "assistant", "content": null}]}""", "field 'content' is no text"
            """{"conversations": [{"from": "narrator", "value": "x"}]}""", "a speaker 'narrator'"
            """{"conversations": [{"from": "human", "value": "x"}]}""", "the assistant says nothing"
        ] do
        refused "a.jsonl:7" reason (fun () -> read json)

[<Fact>]
let ``conversations become a token file, cut to a length, from lines and from a list`` () =
    inFolder (fun folder ->
        use tokenizer = smallTokenizer ()
        let file name = Path.Combine(folder, name)

        let objects =
            [
                for i in 1..20 ->
                    JsonSerializer.Serialize
                        {|
                            instruction = "count"
                            input = ""
                            output = String.replicate i "bee "
                        |}
            ]

        File.WriteAllLines(file "a.jsonl", objects)
        File.WriteAllText(file "a.json", "[" + String.concat ",\n" objects + "]")

        let run input output most =
            let options =
                TokenizeOptions(
                    Inputs = [ file input ],
                    Output = file output,
                    Template = "internlm",
                    MaxTokens = most
                )

            Tokenize.Run(options, tokenizer) |> ignore
            File.ReadAllText(file output)

        Assert.Equal(run "a.jsonl" "lines.bin" 0, run "a.json" "list.bin" 0)
        run "a.jsonl" "cut.bin" 40 |> ignore
        use whole = TokenFile.Open(file "lines.bin")
        use cut = TokenFile.Open(file "cut.bin")

        for i in 0..19 do
            let ids = whole.Read i
            Assert.Equal((1, 2), (ids[0], Array.last ids))

            if ids.Length <= 40 then
                Assert.Equal<int>(ids, cut.Read i)
            else
                Assert.Equal<int>(Array.append ids[..38] [| 2 |], cut.Read i)

        File.WriteAllText(file "b.jsonl", "\n{\"text\": \"x\"}")
        refused "b.jsonl:2" "the fields text" (fun () -> run "b.jsonl" "b.bin" 0)
        use other = SentencePieces.smallTokenizer ()
        refused "internlm" "without the token <eoh>" (fun () -> ChatTemplate.For("internlm", other)))
