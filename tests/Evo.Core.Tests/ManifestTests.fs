/// What a checkpoint says of itself.
module Evo.Core.Tests.ManifestTests

open System
open FsCheck.FSharp
open Xunit
open Evo.Core

let private manifest =
    {
        Version = Manifest.CurrentVersion
        JobName = "a \"job\""
        ModelType = "INTERNLM2"
        Step = 12L
        ConsumedTokens = 1L <<< 40
        InfNanSkipBatches = 1L
        Layout = "2 ranks"
        Data =
            {
                Fingerprint = "f00d"
                Seed = 1024L
                SeqLen = 256
                RowTokens = 512
                RowsPerBatch = 4
                Ranks = 2
                NextBatch = 13L
            }
        Tensors =
            [
                {
                    ManifestTensor.Name = "output.weight"
                    Shape = [ 160L; 64L ]
                    DType = "F32"
                    Pieces =
                        [
                            {
                                File = "model.safetensors"
                                Key = "output.weight"
                                Box = Box.Whole [ 160L; 64L ]
                                Transposed = true
                                Sha256 = "a0"
                            }
                        ]
                }
            ]
        Files =
            [
                {
                    Path = "model.safetensors"
                    Bytes = 40960L
                    Sha256 = "00ff"
                }
            ]
    }

[<Fact>]
let ``a manifest is read back as it was written`` () =
    let text = manifest.ToJson()
    Assert.Equal(text, (Manifest.Parse("manifest.json", text)).ToJson())

[<Theory>]
[<InlineData("{}", "m:1:1: this is no manifest of a checkpoint: \"version\" is missing")>]
[<InlineData("{\"version\": 9}",
             "m:1:13: the checkpoint's format has version 9; this Evo reads versions 1 and 2")>]
[<InlineData("{\"version\": 1, ", "m:1:1: {: this object is never closed; add }.")>]
let ``what is no manifest is refused at its place`` (text: string) (message: string) =
    let error =
        Assert.Throws<FormatException>(fun () -> Manifest.Parse("m", text) |> ignore)

    Assert.Equal(message, error.Message)

[<Fact>]
let ``a manifest of version 1 has each tensor in one piece`` () =
    let text =
        """{ "version": 1, "job_name": "j", "model_type": "GPT2", "step": 3, "num_consumed_tokens": 5, "inf_nan_skip_batches": 0,
             "data": { "fingerprint": "f", "seed": 1, "seq_len": 8, "row_tokens": 8, "rows_per_batch": 2, "next_batch": 3 },
             "files": [ { "path": "optimizer.safetensors", "bytes": 10, "sha256": "ab" } ],
             "tensors": [ { "name": "exp_avg.a", "shape": [2, 3], "dtype": "F32", "file": "optimizer.safetensors" } ] }"""

    let manifest = Manifest.Parse("m", text)
    Assert.Empty manifest.Problems
    Assert.Equal(1, manifest.Data.Ranks)
    let piece = manifest.Tensors[0].Pieces[0]
    Assert.Equal(("exp_avg.a", "[0:2, 0:3]"), (piece.Key, string piece.Box))

[<Fact>]
let ``what a manifest lacks or says twice is named`` () =
    let tensor = manifest.Tensors[0]
    let piece = tensor.Pieces[0]
    let files, tensors = List.ofSeq manifest.Files, List.ofSeq manifest.Tensors

    let half =
        { piece with
            Box = Box.Whole [ 80L; 64L ]
        }

    let beyond =
        { piece with
            Box = Box.Whole [ 161L; 64L ]
        }

    let withPieces pieces =
        { manifest with
            Tensors = [ { tensor with Pieces = pieces } ]
        }

    for broken, words in
        [
            withPieces [ half ], "hold 5120 of 10240 elements"
            withPieces [ half; half ], "hold the same elements"
            withPieces [ beyond ], "no part of [160, 64]"
            { manifest with Files = [] }, "not among the files"
            { manifest with Files = files @ files }, "file model.safetensors is listed twice"
            { manifest with
                Tensors = tensors @ tensors
            },
            "tensor output.weight is listed twice"
            { manifest with
                Files = { files[0] with Path = "../x" } :: files
            },
            "no file of the checkpoint's folder"
        ] do
        Assert.Contains(broken.Problems, (fun problem -> problem.Contains words))

    Assert.Empty manifest.Problems

[<Fact>]
let ``what ranks wrote is read back and stands together`` () =
    let tensor = manifest.Tensors[0]

    let half first =
        { tensor.Pieces[0] with
            Box =
                {
                    Offset = [| first; 0L |]
                    Length = [| 80L; 64L |]
                }
            Sha256 = $"{first}"
        }

    let part first file : ManifestPart =
        {
            Tensors =
                [
                    { tensor with
                        Pieces = [ { half first with File = file } ]
                    }
                ]
            Files = [ { manifest.Files[0] with Path = file } ]
        }

    let read (part: ManifestPart) = ManifestPart.Parse("p", part.ToJson())
    let joined = ManifestPart.Join [ read (part 0L "a"); read (part 80L "b") ]
    Assert.Equal<string list>([ "a"; "b" ], [ for file in joined.Files -> file.Path ])
    let only = Assert.Single joined.Tensors

    Assert.Equal<string list>(
        [ "[0:80, 0:64]"; "[80:160, 0:64]" ],
        [ for piece in only.Pieces -> string piece.Box ]
    )

    Assert.Empty
        { manifest with
            Files = joined.Files
            Tensors = joined.Tensors
        }
            .Problems

[<Fact>]
let ``the newest stay, and of the older ones the first of each stretch`` () =
    let removed last every saved steps =
        { Last = last; Every = every }.Removes(saved, steps)

    Assert.Empty(removed 0 5L 30L [ 10L; 20L; 30L ])
    Assert.Equal<int64 list>([ 10L; 20L ], removed 1 0L 30L [ 30L; 20L; 10L ])
    Assert.Equal<int64 list>([ 2L; 4L ], removed 2 10L 18L [ 2L; 4L; 10L; 16L; 18L ])
    // A skipped step moves checkpoints off the multiples: the next one stands for it.
    Assert.Equal<int64 list>([ 9L; 13L ], removed 1 10L 22L [ 9L; 11L; 13L; 21L; 22L ])
    // Later ones that were refused are not what is kept.
    Assert.Equal<int64 list>([ 10L; 12L ], removed 1 0L 6L [ 6L; 10L; 12L ])

[<Fact>]
let ``one save after the other, a rule keeps what it would keep at once`` () =
    let cases =
        gen {
            let! last = Gen.choose (1, 4)
            let! every = Gen.choose (0, 12)
            let! gaps = Gen.nonEmptyListOf (Gen.choose (1, 5))
            return { Last = last; Every = int64 every }, List.scan (+) 1L (List.map int64 gaps)
        }

    Properties.forAll cases Properties.noShrink (fun (rule, steps) ->
        let kept =
            steps
            |> List.fold
                (fun kept step ->
                    let all = step :: kept
                    List.except (rule.Removes(step, all)) all)
                []

        List.sort kept = List.except (rule.Removes(List.last steps, steps)) steps)

/// Damages a text in one of the ways in which files are damaged, or made to mislead.
let private damaged (random: Random) (text: string) =
    let at = random.Next text.Length

    let numbers =
        [|
            "-1"
            "0"
            "1"
            "2147483648"
            "9223372036854775807"
            "-9223372036854775808"
            "1e400"
            "null"
            "[]"
            "\"\""
        |]

    let strange = "{}[]:,\"\\0-9e.\n\u0000ä"

    match random.Next 6 with
    | 0 -> text[.. at - 1]
    | 1 -> text.Remove(at, 1)
    | 2 -> text.Insert(at, string strange[random.Next strange.Length])
    | 3 -> text[.. at - 1] + string strange[random.Next strange.Length] + text[at + 1 ..]
    | 4 ->
        let lines = text.Split '\n'
        String.Join('\n', Array.insertAt (random.Next lines.Length) lines[random.Next lines.Length] lines)
    | _ ->
        let found = Text.RegularExpressions.Regex.Matches(text, @"\d+")

        if found.Count = 0 then
            text.Remove(at, 1)
        else
            let one = found[random.Next found.Count]
            text.Remove(one.Index, one.Length).Insert(one.Index, numbers[random.Next numbers.Length])

let private fuzz count =
    let piece offset length key =
        {
            File = "optimizer.safetensors"
            Key = key
            Box = { Offset = offset; Length = length }
            Transposed = false
            Sha256 = ""
        }

    let text =
        { manifest with
            Tensors =
                [
                    yield! manifest.Tensors
                    { manifest.Tensors[0] with
                        Name = "exp_avg.a"
                        Shape = [ 4L; 6L ]
                        Pieces = [ piece [| 0L; 0L |] [| 4L; 3L |] "l"; piece [| 0L; 3L |] [| 4L; 3L |] "r" ]
                    }
                ]
            Files =
                [
                    yield! manifest.Files
                    { manifest.Files[0] with
                        Path = "optimizer.safetensors"
                    }
                ]
        }
            .ToJson()

    let random = Random 5
    let mutable accepted = 0

    for _ in 1..count do
        let input =
            Seq.fold
                (fun text _ -> if text = "" then text else damaged random text)
                text
                [ 0 .. random.Next 3 ]

        try
            let found = Manifest.Parse("m", input)

            // What is believed holds every element once, whatever the words around it became.
            if found.Problems.IsEmpty then
                accepted <- accepted + 1

                for tensor in found.Tensors do
                    Assert.Empty(Coverage.Problems(tensor.Shape, tensor.Pieces))
        with :? FormatException ->
            ()

    Assert.InRange(accepted, 1, count)

[<Fact>]
let ``a damaged manifest is refused with an error, or is still sound`` () = fuzz 5_000

[<Fact; Trait("Category", "Full")>]
let ``of many damaged manifests each is refused with an error, or is still sound`` () = fuzz 100_000
