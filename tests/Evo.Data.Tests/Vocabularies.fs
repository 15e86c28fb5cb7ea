/// Vocabularies to test with: real ones of GPT-2, cl100k and o200k, and tokenizer.json files made of them.
module Evo.Data.Tests.Vocabularies

open System
open System.Collections.Generic
open System.IO
open System.IO.Compression
open System.Text
open System.Text.Json
open System.Text.Json.Nodes
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch

/// The tiktoken file of an encoding, from the package that carries it; its first line there is a capacity, not a token.
let tiktoken =
    let load (package: string, resource: string) =
        lazy
            (let assembly = Reflection.Assembly.Load $"Microsoft.ML.Tokenizers.Data.{package}"

             use stream =
                 nonNull (assembly.GetManifestResourceStream $"{resource}.tiktoken.deflate")

             use reader = new StreamReader(new DeflateStream(stream, CompressionMode.Decompress))
             reader.ReadLine() |> ignore

             // The package leaves the rank out: it is the number of the line.
             let lines = reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)

             lines
             |> Array.mapi (fun i line -> if line.Contains ' ' then line else $"{line.TrimEnd()} {i}")
             |> String.concat "\n"
             |> Encoding.UTF8.GetBytes)

    let known =
        dict
            [
                "gpt2", load ("Gpt2", "gpt2")
                "cl100k_base", load ("Cl100kBase", "cl100k_base")
                "o200k_base", load ("O200kBase", "o200k_base")
            ]

    fun name -> known[name].Force()

let json (text: string) = nonNull (JsonNode.Parse text)

/// An object of these fields, in their order.
let fields (fields: (string * (JsonNode | null)) list) =
    let root = JsonObject()

    for name, value in fields do
        root.Add(name, value)

    root

/// The tokens of a tiktoken file in the order of their ranks.
let private ranks name =
    Encoding.UTF8.GetString(tiktoken name: byte[]).Split '\n'
    |> Array.map (fun line ->
        let parts = line.Split ' '
        Convert.FromBase64String parts[0], int parts[1])

/// How the byte-level alphabet writes bytes.
let alphabet (bytes: byte[]) =
    String(bytes |> Array.map ByteAlphabet.Character)

/// The merges that a list of ranks stands for: each token is put together by those before it.
let private mergesOf (ranks: (byte[] * int)[]) =
    let known = Dictionary<string, int>()

    for token, rank in ranks do
        known.Add(alphabet token, rank)

    [|
        for token, rank in ranks do
            if token.Length > 1 then
                let parts = List<string>(alphabet token |> Seq.map string)
                let mutable go = true

                while go && parts.Count > 2 do
                    let mutable best, at = rank, -1

                    for i in 0 .. parts.Count - 2 do
                        match known.TryGetValue(parts[i] + parts[i + 1]) with
                        | true, found when found < best ->
                            best <- found
                            at <- i
                        | _ -> ()

                    if at < 0 then
                        go <- false
                    else
                        parts[at] <- parts[at] + parts[at + 1]
                        parts.RemoveAt(at + 1)

                if parts.Count = 2 then
                    yield parts[0], parts[1]
    |]

let private models = Dictionary<string, Lazy<JsonObject>>()

// "small" is the beginning of GPT-2's.
for name in [ "gpt2"; "cl100k_base"; "small" ] do
    models.Add(
        name,
        lazy
            (let ranks =
                if name = "small" then
                    Array.truncate 3000 (ranks "gpt2")
                else
                    ranks name

             let vocab = JsonObject()

             for token, rank in ranks do
                 vocab.Add(alphabet token, JsonValue.Create rank)

             let merges =
                 JsonArray(
                     [|
                         for left, right in mergesOf ranks ->
                             (JsonValue.Create $"{left} {right}": JsonNode | null)
                     |]
                 )

             fields [ "type", JsonValue.Create "BPE"; "vocab", vocab; "merges", merges ])
    )

/// The model part of a tokenizer.json of a real vocabulary.
let model name =
    models[name].Force().DeepClone().AsObject()

/// A split by a pattern and then into bytes, as the files of Llama 3 and Qwen2 have it.
let byPattern (pattern: string) =
    let split =
        fields
            [
                "type", JsonValue.Create "Split"
                "pattern", fields [ "Regex", JsonValue.Create pattern ]
                "behavior", JsonValue.Create "Isolated"
                "invert", JsonValue.Create false
            ]

    let bytes =
        json """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}"""

    fields
        [
            "type", JsonValue.Create "Sequence"
            "pretokenizers", JsonArray(split, bytes)
        ]

/// The bytes of a tokenizer.json with these fields.
let file (given: (string * (JsonNode | null)) list) =
    let absent =
        [
            for name in
                [
                    "truncation"
                    "padding"
                    "normalizer"
                    "pre_tokenizer"
                    "post_processor"
                    "decoder"
                ] do
                if not (List.exists (fun (other, _) -> other = name) given) then
                    yield name, null
        ]

    let none =
        if List.exists (fun (name, _) -> name = "added_tokens") given then
            []
        else
            [ "added_tokens", JsonArray() :> JsonNode | null ]

    let root =
        fields ([ "version", JsonValue.Create "1.0" :> JsonNode | null ] @ absent @ none @ given)

    Encoding.UTF8.GetBytes(root.ToJsonString())

/// Hugging Face's own tokenizer of such a file, and ours.
let both (bytes: byte[]) (body: Tokenizers.DotNet.Tokenizer -> HuggingFaceTokenizer -> unit) =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "tokenizer.json")
        File.WriteAllBytes(path, bytes)
        use ours = HuggingFaceTokenizer.Load path

        if
            Runtime.InteropServices.RuntimeInformation.ProcessArchitecture
            <> Runtime.InteropServices.Architecture.X64
        then
            Assert.Skip "Hugging Face's tokenizers are here for x64 only"

        use theirs = new Tokenizers.DotNet.Tokenizer(path)
        body theirs ours)

/// Texts in which the corners of split patterns meet: contractions, runs of spaces and breaks, digits, scripts, marks.
let corners: Gen<string> =
    let part =
        Gen.elements
            [
                "'s"
                "'S"
                "'\u017F"
                "'ll"
                "'LL"
                "'lL"
                "'re"
                "'Ve"
                "'d"
                "'x"
                "'"
                "''"
                " "
                "  "
                "   "
                "\n"
                "\r\n"
                "\n\n"
                "\t"
                " \n "
                "\u00A0"
                "\u3000"
                "\u0085"
                "\u2028"
                "\u200B"
                "\uFEFF"
                "hello"
                "Hello"
                "HTMLParser"
                "it's"
                "Δx"
                "naïve"
                "e\u0301"
                "\u0301"
                "a\u20DD"
                "今天天气"
                "𠮷"
                "𝐀𝐁"
                "𝟘𝟙"
                "ﬁ"
                "ß"
                "İ"
                "ǅ"
                "ⓐ"
                "Ⅷ"
                "1"
                "12"
                "1234"
                "12345678"
                "٣٤"
                "½²"
                "!"
                "?!"
                "/"
                "//\n"
                "_"
                "-"
                "🦊"
                "👩‍💻"
                "한국어"
                "\u1112\u1161\u11AB"
                "ｶﾞ"
                "नमस्ते"
                "<|end|>"
                "<|im_start|>"
                "[MASK]"
                "\u2581"
                "."
                ","
            ]

    let free =
        Gen.listOf (
            Gen.frequency
                [
                    4, Gen.choose (32, 126)
                    2, Gen.choose (1, 0x2FFF)
                    1, Gen.choose (0x3000, 0xD7FF)
                    1, Gen.choose (0xE000, 0x10FFFF)
                ]
        )
        |> Gen.map (fun runes -> String.Join("", runes |> List.map Char.ConvertFromUtf32))

    Gen.listOf (Gen.frequency [ 6, part; 1, free ]) |> Gen.map (String.concat "")

/// Both give the same ids and the same text back.
let agree
    (theirs: Tokenizers.DotNet.Tokenizer)
    (ours: HuggingFaceTokenizer)
    (mode: EncodeMode)
    (text: string)
    =
    let wanted = theirs.Encode text |> Array.map int
    let found = ours.EncodeToIds(text, mode) |> Array.ofSeq

    if wanted <> found then
        let hex = Convert.ToHexString(Encoding.UTF8.GetBytes text)
        Assert.Fail $"%A{text} ({hex}): %A{found} but Hugging Face's %A{wanted}"

    if wanted.Length > 0 then
        Assert.Equal(theirs.Decode(Array.map uint32 wanted), ours.Decode found)
