/// PyTorch's files: what torch.save wrote is read to the bit, whatever the views; what is no file of tensors is refused.
module Evo.Data.Tests.TorchFiles

open System
open System.IO
open System.Text
open System.Text.Json
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.PickleWriter
open Evo.Data.Tests.Scratch

/// The folder of files that torch.save wrote.
let private golden =
    let rec up (folder: DirectoryInfo | null) =
        match folder with
        | null -> raise (DirectoryNotFoundException "these tests run inside a checkout")
        | folder when File.Exists(Path.Combine(folder.FullName, "Evo.sln")) ->
            Path.Combine(folder.FullName, "tests", "golden", "torch_save")
        | folder -> up folder.Parent

    up (DirectoryInfo AppContext.BaseDirectory)

/// A tensor's bytes, read in pieces of the given size.
let private bytes (file: TorchFile) (piece: int) (tensor: TorchTensor) =
    let all = Array.zeroCreate<byte>(int tensor.ByteCount)

    for at in 0..piece .. all.Length - 1 do
        file.Read(tensor, int64 at, all.AsSpan(at, min piece (all.Length - at)))

    all

let private dtypes =
    dict
        [
            "float64", SafeTensorType.F64
            "float32", SafeTensorType.F32
            "float16", SafeTensorType.F16
            "bfloat16", SafeTensorType.BF16
            "int64", SafeTensorType.I64
            "bool", SafeTensorType.BOOL
            "uint8", SafeTensorType.U8
        ]

[<Theory>]
[<InlineData "state-1.13.bin">]
[<InlineData "state-1.13-protocol4.bin">]
let ``what torch.save wrote is read as PyTorch sees it`` (name: string) =
    use file = TorchFile.Open(Path.Combine(golden, name))

    use expected =
        JsonDocument.Parse(File.ReadAllText(Path.Combine(golden, "expected.json")))

    let wanted = List.ofSeq (expected.RootElement.EnumerateObject())
    Assert.Equal<string list>([ for p in wanted -> p.Name ], [ for t in file.Tensors -> t.Name ])

    for property, tensor in Seq.zip wanted file.Tensors do
        Assert.Equal(dtypes[string property.Value[0]], tensor.Type)

        Assert.Equal<int64 list>(
            [ for n in property.Value[1].EnumerateArray() -> n.GetInt64() ],
            List.ofSeq tensor.Shape
        )

        for piece in [ 8; 1 <<< 20 ] do
            Assert.Equal(
                string property.Value[2],
                Convert.ToHexString(bytes file piece tensor).ToLowerInvariant()
            )

[<Fact>]
let ``the format before PyTorch 1.6 is refused by name`` () =
    refused "legacy-1.13.bin" "before PyTorch 1.6" (fun () ->
        TorchFile.Open(Path.Combine(golden, "legacy-1.13.bin")))

let private write folder (content: byte[]) =
    let path = Path.Combine(folder, "a.bin")
    File.WriteAllBytes(path, content)
    path

/// Views of a storage of 60 floats: sizes, strides, offset.
let private views =
    gen {
        let! order = Gen.shuffle [| 0; 1; 2 |]
        let! steps = Gen.listOfLength 3 (Gen.choose (1, 2))
        let! sizes = Gen.listOfLength 3 (Gen.choose (1, 2))
        let strides = Array.zeroCreate<int64> 3
        let mutable stride = 1L

        for dim in order do
            strides[dim] <- stride * int64 steps[dim]
            stride <- strides[dim] * int64 sizes[dim]

        let! offset = Gen.choose (0, int (60L - stride))
        return List.map int64 sizes, List.ofArray strides, int64 (max 0 offset)
    }

[<Fact>]
let ``any view of a storage is read as its elements in order, in either byte order`` () =
    let numbers = Array.init 60 (fun i -> float32 i)

    inFolder (fun folder ->
        let law (sizes: int64 list, strides: int64 list, offset: int64) (big: bool) =
            let storageBytes =
                Array.collect (fun (x: float32) -> BitConverter.GetBytes x) numbers

            let stored =
                if big then
                    storageBytes |> Array.chunkBySize 4 |> Array.collect Array.rev
                else
                    storageBytes

            let path =
                archive
                    [
                        entry
                            "m/data.pkl"
                            (stateDict [ "w", tensor (storage "Float" "0" 60L) offset sizes strides ])
                        entry "m/byteorder" (Encoding.ASCII.GetBytes(if big then "big" else "little"))
                        entry "m/data/0" stored
                    ]
                |> write folder

            use file = TorchFile.Open path

            let expected =
                [
                    for i in 0L .. sizes[0] - 1L do
                        for j in 0L .. sizes[1] - 1L do
                            for k in 0L .. sizes[2] - 1L do
                                numbers[int (offset + i * strides[0] + j * strides[1] + k * strides[2])]
                ]

            let read =
                bytes file 12 file.Tensors[0]
                |> Array.chunkBySize 4
                |> Array.map (fun b -> BitConverter.ToSingle(b, 0))

            List.ofArray read = expected

        Check.One(
            cases 200,
            Prop.forAll (Arb.fromGen (Gen.zip views (Gen.elements [ true; false ]))) (fun (v, big) ->
                law v big)
        ))

let private four =
    [
        "0",
        [| 1.0f; 2.0f; 3.0f; 4.0f |]
        |> Array.collect (fun (x: float32) -> BitConverter.GetBytes x)
    ]

/// The same tensor by the newer call, over a storage without a type.
let private untyped dtype count =
    let over =
        Array.concat
            [
                tuple
                    [
                        unicode "storage"
                        global' "torch.storage" "UntypedStorage"
                        unicode "0"
                        unicode "cpu"
                        number 16L
                    ]
                letter 'Q' []
            ]

    reduce
        (global' "torch._utils" "_rebuild_tensor_v3")
        [
            over
            number 0L
            tuple [ number count ]
            tuple [ number 1L ]
            no
            ordered
            global' "torch" dtype
        ]

[<Fact>]
let ``a tensor over a storage without a type has the type that it says`` () =
    inFolder (fun folder ->
        use file =
            TorchFile.Open(write folder (torchFile (stateDict [ "w", untyped "float8_e4m3fn" 16L ]) four))

        Assert.Equal("w: F8_E4M3 [16]", string file.Tensors[0])

        refused "a.bin" "a tensor [5] over 4 elements" (fun () ->
            TorchFile.Open(write folder (torchFile (stateDict [ "w", untyped "float32" 5L ]) four)))
        |> ignore)

let private float4 = storage "Float" "0" 4L

/// Files that contradict themselves, and what is said of them.
let private contradictions: (string * byte[]) list =
    let good = stateDict [ "w", tensor float4 0L [ 4L ] [ 1L ] ]
    let zip = torchFile good four

    [
        "a tensor [5] over 4 elements", torchFile (stateDict [ "w", tensor float4 0L [ 5L ] [ 1L ] ]) four
        "up to element 4 of 4", torchFile (stateDict [ "w", tensor float4 1L [ 4L ] [ 1L ] ]) four
        "up to element 6 of 4", torchFile (stateDict [ "w", tensor float4 0L [ 4L ] [ 2L ] ]) four
        "over 4 elements", torchFile (stateDict [ "w", tensor float4 0L [ 1L <<< 40 ] [ 0L ] ]) four
        "over 4 elements",
        torchFile (stateDict [ "w", tensor float4 0L [ 1L <<< 40; 1L <<< 40 ] [ 1L; 1L ] ]) four
        "strides [9223372036854775807]",
        torchFile (stateDict [ "w", tensor float4 0L [ 4L ] [ Int64.MaxValue ] ]) four
        "a size that is -4", torchFile (stateDict [ "w", tensor float4 0L [ -4L ] [ 1L ] ]) four
        "16 bytes for 5 elements",
        torchFile (stateDict [ "w", tensor (storage "Float" "0" 5L) 0L [ 4L ] [ 1L ] ]) four
        "there is no entry 'model/data/1'",
        torchFile (stateDict [ "w", tensor (storage "Float" "1" 4L) 0L [ 4L ] [ 1L ] ]) four
        "there is no entry 'model/data/../data/0'",
        torchFile (stateDict [ "w", tensor (storage "Float" "../data/0" 4L) 0L [ 4L ] [ 1L ] ]) four
        "described in two ways",
        torchFile
            (stateDict
                [
                    "v", tensor float4 0L [ 4L ] [ 1L ]
                    "w", tensor (storage "Int" "0" 4L) 0L [ 4L ] [ 1L ]
                ])
            four
        "'w' stands twice",
        torchFile
            (stateDict [ "w", tensor float4 0L [ 4L ] [ 1L ]; "w", tensor float4 0L [ 4L ] [ 1L ] ])
            four
        "'epoch' is a number", torchFile (stateDict [ "epoch", number 3L ]) four
        "it holds a tensor", torchFile (Array.concat [ proto 2; tensor float4 0L [ 4L ] [ 1L ]; stop ]) four
        "compressed (method 8)",
        archive
            [
                { entry "model/data.pkl" good with
                    Method = 8
                }
            ]
        "stands twice in the directory", archive [ entry "model/data.pkl" good; entry "model/data.pkl" good ]
        "2 entries are named data.pkl", archive [ entry "a/data.pkl" good; entry "b/data.pkl" good ]
        "0 entries are named data.pkl", archive [ entry "a/data.txt" good ]
        "TorchScript", archive [ entry "a/data.pkl" good; entry "a/constants.pkl" [||] ]
        "byte order is 'middle'",
        archive
            [
                entry "a/data.pkl" good
                entry "a/byteorder" (Encoding.ASCII.GetBytes "middle")
            ]
        "no zip archive", Encoding.ASCII.GetBytes "a text"
        "no zip archive", [||]
        "no directory at its end", zip[.. zip.Length - 8]
        "no directory at its end", zip[..200]
    ]

[<Fact>]
let ``a file that contradicts itself is refused with what is wrong`` () =
    inFolder (fun folder ->
        for reason, content in contradictions do
            refused "a.bin" reason (fun () -> TorchFile.Open(write folder content)))

let private shard folder name (content: byte[]) =
    File.WriteAllBytes(Path.Combine(folder, name), content)

let private index folder (map: (string * string) list) =
    let entries =
        String.Join(", ", [ for name, file in map -> $"\"{name}\": \"{file}\"" ])

    File.WriteAllText(
        Path.Combine(folder, "pytorch_model.bin.index.json"),
        $"{{ \"weight_map\": {{ {entries} }} }}"
    )

[<Fact>]
let ``a folder's shards are one set of tensors, and must agree with their index`` () =
    inFolder (fun folder ->
        let named name =
            torchFile (stateDict [ name, tensor float4 1L [ 2L ] [ 1L ] ]) four

        shard folder "one.bin" (named "a")
        shard folder "two.bin" (named "b")
        index folder [ "a", "one.bin"; "b", "two.bin" ]

        using (WeightsFolder.Open folder) (fun weights ->
            Assert.True weights.IsTorch
            Assert.Equal<string>([ "a"; "b" ], weights.Names)
            let b = nonNull (weights.Find "b")
            Assert.Equal("b: F32 [2]", string b)
            let read = Array.zeroCreate<byte> 8
            b.Read(0L, read.AsSpan())
            Assert.Equal(2.0f, BitConverter.ToSingle(read, 0))
            Assert.True(b.Same(nonNull (weights.Find "a"))))

        index folder [ "a", "one.bin"; "b", "two.bin"; "c", "two.bin" ]
        refused "index.json" "'c' is in two.bin, but it is not" (fun () -> WeightsFolder.Open folder)
        shard folder "two.bin" (named "a")
        refused "two.bin" "'a' is also in" (fun () -> WeightsFolder.Open folder))

[<Fact>]
let ``a folder without weights says which files it looked for`` () =
    inFolder (fun folder -> refused folder "pytorch_model.bin" (fun () -> WeightsFolder.Open folder))
