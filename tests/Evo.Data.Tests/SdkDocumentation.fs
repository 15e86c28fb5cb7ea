/// The SDK's documentation as text: plain words, no duplicates, a split that does not leak.
module Evo.Data.Tests.SdkDocumentation

open System
open System.IO
open Evo.Data
open Xunit
open Evo.Data.Tests.Scratch

let private sdk (root: string) (file: string) (members: string) =
    let folder = Path.Combine(root, "packs", "Some.Ref", "10.0.0", "ref", "net10.0")
    Directory.CreateDirectory folder |> ignore

    File.WriteAllText(
        Path.Combine(folder, file),
        $"<?xml version=\"1.0\"?><doc><members>{members}</members></doc>"
    )

let private extract root heldOut =
    let at name = Path.Combine(root, name)

    let result =
        SdkDocs.Extract(SdkDocsOptions(Root = root, HeldOut = heldOut), at "train.jsonl", at "valid.jsonl")

    result,
    List.ofSeq (TextFiles.Documents(at "train.jsonl")),
    List.ofSeq (TextFiles.Documents(at "valid.jsonl"))

[<Fact>]
let ``markup becomes the words that a reader sees`` () =
    inFolder (fun root ->
        let texts =
            [
                "<summary>Gets the <see cref=\"T:System.Collections.Generic.List`1\" /> of\n   <paramref name=\"count\"/> items, or <see langword=\"null\"/>.</summary>",
                "Gets the List of count items, or null."
                "<returns><see langword=\"true\"/> if <see cref=\"P:System.String.Length\"/> &lt; 3 &amp;&amp; ok;otherwise not.</returns>",
                "true if String.Length < 3 && ok;otherwise not."
                "<remarks><para>First paragraph.</para><para>Second, with <c>a code</c>word.</para></remarks>",
                "First paragraph. Second, with a codeword."
                "<param name=\"x\">See <see cref=\"M:System.Uri.#ctor(System.String)\"/> and <see cref=\"M:System.String.Split(System.Char[])\">the splitter</see>.</param>",
                "See Uri and the splitter."
                "<remarks><![CDATA[Some <b>raw</b> text here.]]></remarks>", "Some <b>raw</b> text here."
                "<typeparam name=\"T\">Of <typeparamref name=\"T\"/>: <see cref=\"M:System.Linq.Enumerable.Select``2(x)\"/>.</typeparam>",
                "Of T: Enumerable.Select."
                "<example><list type=\"bullet\"><item>the first</item><item>the second</item></list></example>",
                "the first the second"
            ]

        sdk
            root
            "a.xml"
            (String.Join("", texts |> List.map (fun (xml, _) -> $"<member name=\"M:X\">{xml}</member>")))

        let _, train, valid = extract root 0.5
        Assert.Equal<string>(texts |> List.map snd |> List.sort, List.sort (train @ valid)))

[<Fact>]
let ``duplicates are removed before the split, so no held-out text was trained on`` () =
    inFolder (fun root ->
        let summaries numbers =
            numbers
            |> List.map (fun i ->
                $"<member name=\"T:A\"><summary>The text with number {i}.</summary></member>")
            |> String.concat ""

        sdk root "a.xml" (summaries [ 1..400 ])

        sdk
            root
            "b.xml"
            (summaries [ 300..600 ]
             + "<member name=\"T:B\"><summary>Short.</summary></member>")

        let result, train, valid = extract root 0.1
        Assert.Equal((701L, 600), (result.Texts, result.Distinct))
        Assert.Equal(600, Set.count (Set.ofList (train @ valid)))
        Assert.Equal((train.Length, valid.Length), (result.Train, result.Valid))
        Assert.InRange(valid.Length, 30, 90)
        // the split is the text's own: more text moves nothing
        sdk root "c.xml" (summaries [ 601..900 ])
        let _, train', valid' = extract root 0.1
        Assert.True(Set.isSubset (Set.ofList valid) (Set.ofList valid'))
        Assert.True(Set.isSubset (Set.ofList train) (Set.ofList train'))
        let again, _, _ = extract root 0.1
        Assert.Equal(result.Root, again.Root))

[<Fact>]
let ``a draw is even over all files, and a smaller one is part of a larger one`` () =
    inFolder (fun root ->
        for file in [ "a.xml"; "b.xml" ] do
            [ 1..500 ]
            |> List.map (fun i ->
                $"<member name=\"T:A\"><summary>Text {i} of the file {file}.</summary></member>")
            |> String.concat ""
            |> sdk root file

        let draw most =
            let at name = Path.Combine(root, name)

            SdkDocs.Extract(
                SdkDocsOptions(Root = root, HeldOut = 0.0, MaxDocuments = most),
                at "train.jsonl",
                at "valid.jsonl"
            )
            |> ignore

            Assert.False(File.Exists(at "valid.jsonl"))
            Set.ofSeq (TextFiles.Documents(at "train.jsonl"))

        let some, more = draw 100L, draw 300L
        Assert.Equal((100, 300, 1000), (some.Count, more.Count, (draw 0L).Count))
        Assert.True(Set.isSubset some more)
        Assert.InRange(more |> Set.filter (fun text -> text.Contains "a.xml") |> Set.count, 110, 190))

[<Fact>]
let ``a person's own files are split in the same way`` () =
    inFolder (fun root ->
        let at name = Path.Combine(root, name)
        File.WriteAllLines(at "a.txt", [ for i in 1..300 -> $"line {i}" ])
        File.WriteAllLines(at "b.jsonl", [ for i in 200..400 -> $"{{\"text\": \"line {i}\"}}" ])
        let mutable last = struct (0L, 0L)

        let progress =
            { new IProgress<struct (int64 * int64)> with
                member _.Report state = last <- state
            }

        let inputs = [ at "a.txt"; at "b.jsonl" ]

        let run share most =
            TextSplit.Run(inputs, share, most, at "train.jsonl", at "valid.jsonl", progress)

        let result = run 0.1 0L
        let struct (bytes, total) = last
        Assert.Equal(total, bytes)
        Assert.Equal((501L, 400), (result.Texts, result.Distinct))

        let train, valid =
            List.ofSeq (TextFiles.Documents(at "train.jsonl")),
            List.ofSeq (TextFiles.Documents(at "valid.jsonl"))

        Assert.Equal((train.Length, valid.Length), (result.Train, result.Valid))
        Assert.Equal<Set<string>>(Set.ofList [ for i in 1..400 -> $"line {i}" ], Set.ofList (train @ valid))
        Assert.Equal(50, (run 0.1 50L).Distinct)
        File.Delete(at "valid.jsonl")
        Assert.Equal(400, (run 0.0 0L).Train)
        Assert.False(File.Exists(at "valid.jsonl")))

[<Fact>]
let ``an SDK without documentation, or with a damaged file, is told with what to do`` () =
    inFolder (fun root ->
        refused root "no documentation" (fun () -> extract root 0.1)
        refused root "DOTNET_ROOT" (fun () -> extract root 0.1)
        refused "held-out share" "below 1" (fun () -> extract root 1.0)
        sdk root "a.xml" "<member><summary>unclosed"
        refused "a.xml" "line 1" (fun () -> extract root 0.1)
        Assert.Empty(Directory.GetFiles root))

[<Fact>]
let ``this machine's SDK gives about ten megabytes of distinct prose`` () =
    inFolder (fun folder ->
        let at name = Path.Combine(folder, name)

        let result =
            try
                SdkDocs.Extract(SdkDocsOptions(), at "train.jsonl", at "valid.jsonl")
            with :? DataException as error when error.Message.Contains "no documentation" ->
                Assert.Skip error.Message
                Unchecked.defaultof<_>

        Assert.InRange(result.Distinct, 80_000, 200_000)
        Assert.InRange(result.TextBytes, 7_000_000L, 20_000_000L)
        Assert.InRange(float result.Valid / float result.Distinct, 0.015, 0.025))
