/// Split patterns: the scanners and the regular expressions that they stand for are the same.
module Evo.Data.Tests.SplitPatterns

open System
open System.Text
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch
open Evo.Data.Tests.Vocabularies

let private pieces (pattern: SplitPattern) (text: string) =
    let bytes = Encoding.UTF8.GetBytes text

    let rec go at found =
        let mutable start = 0
        let mutable stop = 0

        if pattern.Next(ReadOnlySpan bytes, at, &start, &stop) then
            go stop (Encoding.UTF8.GetString(bytes, start, stop - start) :: found)
        else
            List.rev found

    go 0 []

let private scanner pattern = nonNull (KnownPattern.Of pattern)
let private regex pattern = RegexPattern("here", pattern)

[<Fact>]
let ``each scanner matches what its regular expression does, and leaves nothing out`` () =
    for pattern in
        [
            KnownPattern.Gpt2
            KnownPattern.Llama3
            KnownPattern.Qwen2
            KnownPattern.Cl100k
        ] do
        let scanner = scanner pattern
        // Engines differ on what $ means, and on whether {1,3}+ is possessive; for numbers that makes no difference.
        let regex = regex (pattern.Replace("$", "\\z").Replace("{1,3}+", "{1,3}"))

        let law text =
            Assert.Equal<string list>(pieces regex text, pieces scanner text)
            Assert.Equal(text, String.concat "" (pieces scanner text))

        Check.One(cases 2000, Prop.forAll (Arb.fromGen corners) law)

[<Fact>]
let ``known cuts`` () =
    let cut pattern text =
        String.Join("|", pieces (scanner pattern) text)

    Assert.Equal("It|'s| 2024|!|  | now|\n|\n|x", cut KnownPattern.Gpt2 "It's 2024!   now\n\nx")
    Assert.Equal("It|'S| |202|4|!|  | now|\n\n|x", cut KnownPattern.Llama3 "It'S 2024!   now\n\nx")
    Assert.Equal("It|'S| |2|0|2|4|!\n|\tx", cut KnownPattern.Qwen2 "It'S 2024!\n\tx")
    Assert.Equal("a𠮷b|𝟘𝟙", cut KnownPattern.Llama3 "a𠮷b𝟘𝟙")
    Assert.Equal("it|'\u017F", cut KnownPattern.Llama3 "it'\u017F")
    Assert.Equal("a| \n| ", cut KnownPattern.Llama3 "a \n ")
    Assert.Equal("a| \n ", cut KnownPattern.Cl100k "a \n ")

[<Fact>]
let ``on ASCII the regular expressions agree with the runtime's own`` () =
    let random = Random 5
    let alphabet = "ab AB12'\n\r\t.,_st"

    for pattern in
        [
            KnownPattern.Gpt2
            KnownPattern.Llama3
            @"(?>[a-c]+)b|\w{2,3}|a(?=b)|(?:ab|ba)+|\s\S?|[^\w\s]{1,2}|\d"
            @"(a|ab)(b|s)|[A-Z]?+[a-z]++|\D|.|\n"
            @"(?i:AB|st)+1?|(?:a|b){2}|(?!ab)[\x61-\u0062]|\P{L}|\p{Lu}|[ts_]"
        ] do
        let ours = regex pattern
        // .NET has no possessive repeats; atomic groups are the same.
        let theirs =
            Text.RegularExpressions.Regex(pattern.Replace("[A-Z]?+[a-z]++", "(?>[A-Z]?)(?>[a-z]+)"))

        for _ in 1..500 do
            let text =
                String(Array.init (random.Next 20) (fun _ -> alphabet[random.Next alphabet.Length]))

            let wanted = [ for found in theirs.Matches text -> found.Value ]
            Assert.Equal<string list>(wanted, pieces ours text)

[<Theory>]
[<InlineData("a*", "empty text")>]
[<InlineData("(?<x>a)", "group")>]
[<InlineData("(a", "'(' without ')'")>]
[<InlineData("a)", "')' without '('")>]
[<InlineData("[a", "'[' without ']'")>]
[<InlineData("^a", "'^'")>]
[<InlineData("a+?", "lazy")>]
[<InlineData("a**", "repeat")>]
[<InlineData("\\b", "escape")>]
[<InlineData("\\p{Greek}", "property 'Greek'")>]
[<InlineData("[a&&b]", "class in a class")>]
[<InlineData("(a?)+b", "may be empty")>]
[<InlineData("a{2,1}", "ends before it begins")>]
let ``what a pattern may not have is refused at its place`` (pattern: string) (reason: string) =
    refused "here" reason (fun () -> regex pattern)

[<Fact>]
let ``a pattern of endless ways to match ends with an error`` () =
    let pattern = regex "(?:a|a|aa)+b"
    refused "here" "too long" (fun () -> pieces pattern (String('a', 200)))

[<Fact>]
let ``no pattern whatever crashes or hangs`` () =
    let part =
        Gen.elements
            [
                "a"
                "b"
                "("
                ")"
                "(?:"
                "(?!"
                "(?i:"
                "(?>"
                "["
                "[^"
                "]"
                "-"
                "|"
                "*"
                "+"
                "?"
                "{2,3}"
                "{1,}"
                "{"
                "}"
                "\\p{L}"
                "\\s"
                "\\"
                "."
                "\\z"
                "\\x41"
                "&&"
                "😀"
            ]

    let law (parts: string list) =
        orderly "here" (fun () -> pieces (regex (String.concat "" parts)) "aab ba 12\n😀" |> ignore)

    Check.One(cases 5000, Prop.forAll (Arb.fromGen (Gen.listOf part)) law)

[<Fact>]
let ``classes of characters are those of Hugging Face's engine, every character`` () =
    let vocab = System.Text.Json.Nodes.JsonObject()

    for value in 0..255 do
        vocab.Add(alphabet [| byte value |], System.Text.Json.Nodes.JsonValue.Create value)

    for pattern in [ "\\p{L}"; "\\p{N}"; "\\p{M}"; "\\p{Lu}"; "\\s"; "\\d"; "\\w" ] do
        let removing = byPattern pattern
        let split = (nonNull removing["pretokenizers"]).AsArray()[0]
        (nonNull split)["behavior"] <- System.Text.Json.Nodes.JsonValue.Create "Removed"

        let model =
            fields
                [
                    "type", System.Text.Json.Nodes.JsonValue.Create "BPE"
                    "vocab", vocab.DeepClone()
                    "merges", System.Text.Json.Nodes.JsonArray()
                ]

        both (file [ "model", model; "pre_tokenizer", removing ]) (fun theirs ours ->
            // The rest of the seventeen planes is not assigned, or private.
            for rune in Seq.append (seq { 1..0xD7FF }) (seq { 0xE000..0x333FF }) do
                let text = Char.ConvertFromUtf32 rune

                if (theirs.Encode text).Length = 0 <> (ours.EncodeToIds(text).Count = 0) then
                    Assert.Fail $"U+{rune:X}: {pattern}")

[<Fact>]
let ``normal forms are those of Unicode`` () =
    let runes (text: string) =
        [ for rune in text.EnumerateRunes() -> rune.Value ]

    let form (form: NormalForm) text = List.ofSeq (form.Of(runes text))

    for text, c, d, kc in
        [
            "e\u0301", "é", "e\u0301", "é"
            "ﬁ", "ﬁ", "ﬁ", "fi"
            "한", "한", "\u1112\u1161\u11AB", "한"
            "q\u0307\u0323", "q\u0323\u0307", "q\u0323\u0307", "q\u0323\u0307"
            "\u212B", "Å", "A\u030A", "Å"
            "\u0958", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C"
            "½ｶﾞ", "½ｶﾞ", "½ｶﾞ", "1\u20442ガ"
        ] do
        Assert.Equal<int list>(runes c, form NormalForm.C text)
        Assert.Equal<int list>(runes d, form NormalForm.D text)
        Assert.Equal<int list>(runes kc, form NormalForm.KC text)

    let law text =
        let c, d = form NormalForm.C text, form NormalForm.D text
        let again (form: NormalForm) runes = List.ofSeq (form.Of(runes: int list))

        again NormalForm.C c = c
        && again NormalForm.D d = d
        && again NormalForm.C d = c
        && again NormalForm.D c = d
        && again NormalForm.KC (form NormalForm.KD text) = form NormalForm.KC text

    Check.One(cases 1000, Prop.forAll (Arb.fromGen corners) law)
