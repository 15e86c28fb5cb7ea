/// Tensors put together from rows and columns of others: read in any pieces they are as if they lay whole.
module Evo.Data.Tests.JoinedTensors

open System
open System.IO
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.PickleWriter
open Evo.Data.Tests.Scratch

/// A file with one matrix of so many rows and columns, of the numbers from 0 on; turned, it is a view that has to be gathered.
let private matrix folder rows columns isTurned =
    let numbers =
        [|
            for r in 0 .. rows - 1 -> [| for c in 0 .. columns - 1 -> float32 (r * columns + c) |]
        |]

    let stored =
        if isTurned then
            [| for c in 0 .. columns - 1 -> [| for r in 0 .. rows - 1 -> numbers[r][c] |] |]
        else
            numbers

    let bytes =
        stored
        |> Array.collect (Array.collect (fun (x: float32) -> BitConverter.GetBytes x))

    let strides =
        if isTurned then
            [ 1L; int64 rows ]
        else
            [ int64 columns; 1L ]

    let view =
        tensor (storage "Float" "0" (int64 (rows * columns))) 0L [ int64 rows; int64 columns ] strides

    let path = Path.Combine(folder, Guid.NewGuid().ToString "N")
    File.WriteAllBytes(path, torchFile (stateDict [ "w", view ]) [ "0", bytes ])
    numbers, TorchFile.Open path

/// A band of columns: how wide its tensors are, and the rows that are taken of each, in order: tensor, first, count.
let private bands rows =
    gen {
        let! count = Gen.choose (1, 3)

        return!
            Gen.listOfLength
                count
                (gen {
                    let! width = Gen.choose (1, 5)
                    let! isTurned = Gen.elements [ true; false ]
                    let! cuts = Gen.listOf (Gen.choose (1, rows))
                    let edges = List.distinct ([ 0; rows ] @ cuts) |> List.sort

                    let! runs =
                        List.pairwise edges
                        |> List.map (fun (a, b) ->
                            Gen.map2
                                (fun source first -> source, first, b - a)
                                (Gen.choose (0, 1))
                                (Gen.choose (0, 8 - (b - a))))
                        |> Gen.collectToList id

                    return width, isTurned, runs
                })
    }

[<Fact>]
let ``rows and columns of other tensors are read in any pieces as the numbers that they are`` () =
    let law (rows: int, bands: (int * bool * (int * int * int) list) list) (piece: int) =
        inFolder (fun folder ->
            let made =
                [
                    for width, isTurned, runs in bands ->
                        let sources = [| for _ in 0..1 -> matrix folder 8 width isTurned |]

                        [|
                            for source, first, count in runs do
                                yield! (fst sources[source])[first .. first + count - 1]
                        |],
                        TensorRows.Join
                            [
                                for source, first, count in runs ->
                                    let file = snd sources[source]
                                    TensorRows.Of(file.Stored file.Tensors[0]).Take(int64 first, int64 count)
                            ],
                        Array.map snd sources
                ]

            let expected =
                [|
                    for r in 0 .. rows - 1 do
                        for numbers, _, _ in made do
                            yield! (numbers: float32[][])[r]
                |]

            let width = bands |> List.sumBy (fun (width, _, _) -> width)

            let joined =
                JoinedTensor("joined", [| int64 rows; int64 width |], [| for _, rows, _ in made -> rows |])

            let read = Array.zeroCreate<byte>(int joined.ByteCount)

            for at in 0 .. 4 * piece .. read.Length - 1 do
                joined.Read(int64 at, read.AsSpan(at, min (4 * piece) (read.Length - at)))

            for _, _, files in made do
                for file in files do
                    (file: TorchFile).Dispose()

            read = Array.collect (fun (x: float32) -> BitConverter.GetBytes x) expected)

    let drawn =
        gen {
            let! rows = Gen.choose (1, 8)
            let! bands = bands rows
            return rows, bands
        }

    Check.One(
        cases 100,
        Prop.forAll (Arb.fromGen (Gen.zip drawn (Gen.choose (1, 20)))) (fun (joined, piece) ->
            law joined piece)
    )

[<Fact>]
let ``what does not make the shape, or is of another width, is refused`` () =
    inFolder (fun folder ->
        use narrow = snd (matrix folder 4 2 false)
        use wide = snd (matrix folder 4 3 false)

        let all (file: TorchFile) =
            TensorRows.Of(file.Stored file.Tensors[0])

        Assert.Throws<ArgumentException>(fun () ->
            JoinedTensor("j", [| 4L; 4L |], [| all narrow; all wide |]) |> ignore)
        |> ignore

        Assert.Throws<ArgumentException>(fun () -> TensorRows.Join [ all narrow; all wide ] |> ignore)
        |> ignore

        Assert.Throws<ArgumentOutOfRangeException>(fun () -> (all narrow).Take(2L, 3L) |> ignore)
        |> ignore

        let joined = JoinedTensor("j", [| 4L; 5L |], [| all narrow; all wide |])
        Assert.Equal("j: F32 [4, 5]", string joined))

[<Fact>]
let ``views of a tensor are its part, one of it, and its rows as columns`` () =
    inFolder (fun folder ->
        let numbers, file = matrix folder 4 3 false
        use file = file

        let read (view: TorchTensor) =
            let bytes = Array.zeroCreate<byte>(int view.ByteCount)
            file.Stored(view).Read(0L, bytes.AsSpan())
            bytes |> Array.chunkBySize 4 |> Array.map (fun b -> BitConverter.ToSingle(b, 0))

        let whole = file.Tensors[0]
        Assert.Equal<float32[]>(Array.concat numbers[1..2], read (whole.Narrow(1L, 2L)))
        Assert.Equal<float32[]>(numbers[3], read (whole.Select 3L))

        Assert.Equal<float32[]>(
            [|
                for c in 0..2 do
                    for r in 1..2 -> numbers[r][c]
            |],
            read (whole.Narrow(1L, 2L).Turned())
        )

        Assert.Throws<ArgumentOutOfRangeException>(fun () -> whole.Select 4L |> ignore)
        |> ignore)

/// A dictionary of settings as InternEvo pickles its own, and as a plain one.
let private settings (own: bool) items =
    let items = setItems [ for name, value in items -> unicode name, value ]

    let parts =
        if own then
            [
                global' "internlm.core.context.parallel_context" "Config"
                tuple []
                op 0x81 []
                items
                emptyDict
                letter 'b' []
            ]
        else
            [ emptyDict; items ]

    torchFile (Array.concat ([ proto 2 ] @ parts @ [ stop ])) []

/// InternEvo's dictionary as Python 3.11 pickles it: num_layers, adapt_hf, mlp_ratio, stds, moe_layer_kwargs, qk_interleaved.
let private ofPython =
    "800263696e7465726e6c6d2e636f72652e636f6e746578742e706172616c6c656c5f636f6e746578740a436f6e6669670a71"
    + "002981710128580a0000006e756d5f6c617965727371024b02580800000061646170745f686671038958090000006d6c705f"
    + "726174696f710447400555555555555558040000007374647371055d7106473f947ae147ae147b6158100000006d6f655f6c"
    + "617965725f6b776172677371076800298171085805000000746f705f6b71094b0273580e000000716b5f696e7465726c6561"
    + "766564710a88752e"

[<Fact>]
let ``settings that Python pickled are read`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "model_config.pt")
        File.WriteAllBytes(path, torchFile (Convert.FromHexString ofPython) [])
        let read = TorchSettings.Read path
        Assert.Equal(Nullable false, read.Flag "adapt_hf")
        Assert.Equal(Nullable true, read.Flag "qk_interleaved"))

[<Fact>]
let ``settings that torch.save wrote are read as data, InternEvo's own dictionary too`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "model_config.pt")

        for own in [ true; false ] do
            File.WriteAllBytes(
                path,
                settings
                    own
                    [
                        "a", yes
                        "b", no
                        "c", none
                        "d", number 3L
                        "e", global' "torch" "bfloat16"
                    ]
            )

            let read = TorchSettings.Read path
            Assert.Equal(Nullable true, read.Flag "a")
            Assert.Equal(Nullable false, read.Flag "b")
            Assert.Equal(Nullable(), read.Flag "c")
            Assert.Equal(Nullable(), read.Flag "nowhere")
            refused path "d is a number" (fun () -> read.Flag "d")

        File.WriteAllBytes(path, settings true [ "a", global' "os" "system" ])
        refused path "it names os.system" (fun () -> TorchSettings.Read path)
        File.WriteAllBytes(path, torchFile (Array.concat [ proto 2; none; stop ]) [])
        refused path "it holds None" (fun () -> TorchSettings.Read path))
