/// safetensors: what is written is read, and no altered file is read as if it were whole.
module Evo.Data.Tests.SafeTensorsFormat

open System
open System.IO
open System.Text
open System.Threading
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch

let private raw (path: string) (header: string) (data: byte[]) =
    let json = Encoding.UTF8.GetBytes header
    File.WriteAllBytes(path, Array.concat [ BitConverter.GetBytes(uint64 json.Length); json; data ])

let private shape (sizes: int64 list) : System.Collections.Generic.IReadOnlyList<int64> =
    ResizeArray sizes :> _

/// Writes tensors of the given types and shapes with bytes that depend on name and place; returns them by name.
let private write path (tensors: (string * SafeTensorType * int64 list) list) =
    let bytes =
        tensors
        |> List.map (fun (name, kind, sizes) ->
            let count = (SafeTensorTypes.ByteCount(kind, shape sizes)).Value
            name, Array.init (int count) (fun i -> byte (i * 7 + name.Length * 31)))
        |> dict

    use writer =
        new SafeTensorsWriter(
            path,
            [ for name, kind, sizes in tensors -> SafeTensorPlan(name, kind, shape sizes) ],
            durable = false
        )

    for tensor in writer.Tensors do
        writer.Write(tensor.Name, ReadOnlySpan bytes[tensor.Name])

    writer.Complete()
    bytes

let private wholeTypes =
    Enum.GetValues<SafeTensorType>()
    |> Array.filter (fun kind -> SafeTensorTypes.Bits kind >= 8)

let private tensors =
    gen {
        let! names =
            Gen.listOf (Gen.elements [ "a"; "b.weight"; "模型"; "with \"quotes\" \\"; "\u0001"; "z" ])

        let! kinds = Gen.listOfLength names.Length (Gen.elements wholeTypes)

        let! sizes =
            Gen.listOfLength names.Length (Gen.resize 3 (Gen.listOf (Gen.choose (0, 4))))

        return
            List.zip3 names kinds (sizes |> List.map (List.map int64))
            |> List.distinctBy (fun (n, _, _) -> n)
    }

[<Fact>]
let ``what is written is read back`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.safetensors")

        let law tensors =
            let bytes = write path tensors
            use file = SafeTensors.Open path

            file.Tensors.Count = List.length tensors
            && file.Metadata["format"] = "pt"
            && tensors
               |> List.forall (fun (name, kind, sizes) ->
                   let tensor = file[name]

                   tensor.Type = kind
                   && List.ofSeq tensor.Shape = sizes
                   && file.Bytes(tensor).SequenceEqual(ReadOnlySpan bytes[name]))

        Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen tensors) law))

[<Fact>]
let ``tensors are ordered by falling element size then name, and the data begins at a multiple of eight`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.safetensors")

        write
            path
            [
                "b", SafeTensorType.F32, [ 2L ]
                "u", SafeTensorType.U8, [ 3L ]
                "a", SafeTensorType.F32, [ 1L ]
                "l", SafeTensorType.I64, []
            ]
        |> ignore

        use file = SafeTensors.Open path
        Assert.Equal<string>([ "l"; "a"; "b"; "u" ], [ for tensor in file.Tensors -> tensor.Name ])
        let header = BitConverter.ToUInt64(File.ReadAllBytes path, 0)
        Assert.Equal(0UL, header % 8UL))

[<Fact>]
let ``every truncation of a file is refused by name`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "whole.safetensors")

        write path [ "a", SafeTensorType.F32, [ 2L; 2L ]; "b", SafeTensorType.U8, [ 5L ] ]
        |> ignore

        let whole = File.ReadAllBytes path
        let cut = Path.Combine(folder, "cut.safetensors")

        for length in 0 .. whole.Length - 1 do
            File.WriteAllBytes(cut, whole[.. length - 1])
            refused cut "" (fun () -> SafeTensors.Open cut)

        File.WriteAllBytes(cut, Array.append whole [| 0uy |])
        refused cut "follow the last tensor" (fun () -> SafeTensors.Open cut))

[<Fact>]
let ``no altered byte crashes the reader`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "whole.safetensors")

        write path [ "a", SafeTensorType.F32, [ 2L; 2L ]; "b", SafeTensorType.U8, [ 5L ] ]
        |> ignore

        let whole = File.ReadAllBytes path
        let altered = Path.Combine(folder, "altered.safetensors")
        let alteration = Gen.zip (Gen.choose (0, whole.Length - 1)) (Gen.choose (0, 255))

        let law (changes: (int * int) list) =
            let bytes = Array.copy whole

            for at, value in changes do
                bytes[at] <- byte value

            File.WriteAllBytes(altered, bytes)

            orderly altered (fun () ->
                use file = SafeTensors.Open altered

                for tensor in file.Tensors do
                    file.Bytes(tensor).ToArray() |> ignore)

        Check.One(cases 5000, Prop.forAll (Arb.fromGen (Gen.resize 4 (Gen.nonEmptyListOf alteration))) law))

let private entry = """{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"""

/// Header, bytes of data, and a word that the message must hold.
let headers: TheoryData<string, int, string> =
    let data = TheoryData<string, int, string>()
    let add header bytes word = data.Add(header, bytes, word)
    let tensor fields = $"{{\"a\":{{{fields}}}}}"
    add "" 0 "does not begin with"
    add "[]" 0 "does not begin with"
    add " {}" 0 "does not begin with"
    add "{" 0 "not valid JSON"
    add "{}}" 0 "not valid JSON"
    add "{} x" 0 "not valid JSON"
    add "{\"a\":1}" 0 "must be {dtype"
    add $"{{\"a\":{entry},\"a\":{entry}}}" 4 "stands twice"
    add $"{{\"a\":{entry},}}" 4 "not valid JSON"
    add $"{{\"a\":{entry}/*c*/}}" 4 "not valid JSON"
    add (tensor "\"dtype\":\"F32\",\"shape\":[1]") 4 "lacks data_offsets"
    add (tensor "\"dtype\":\"F32\",\"data_offsets\":[0,4]") 4 "lacks shape"
    add (tensor "\"shape\":[1],\"data_offsets\":[0,4]") 4 "lacks dtype"
    add (tensor "\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]") 4 "dtype 'F33'"
    add (tensor "\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]") 4 "dtype 'f32'"
    add (tensor "\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,4]") 4 "dtype is a number"
    add (tensor "\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]") 4 "stands twice"
    add (tensor "\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]") 4 "whole numbers"
    add (tensor "\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]") 4 "whole numbers"
    add (tensor "\"dtype\":\"F32\",\"shape\":[[1]],\"data_offsets\":[0,4]") 4 "whole numbers"
    add (tensor "\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]") 4 "shape is a number"
    add (tensor "\"dtype\":\"F32\",\"shape\":[18446744073709551615],\"data_offsets\":[0,4]") 4 "whole numbers"

    add
        (tensor "\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]")
        0
        "no representable"

    add
        (tensor "\"dtype\":\"F64\",\"shape\":[2305843009213693951,8],\"data_offsets\":[0,0]")
        0
        "no representable"

    add (tensor "\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]") 2 "no representable"
    add (tensor "\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]") 4 "takes 8 bytes"
    add (tensor "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]") 4 "begin <= end"
    add (tensor "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]") 4 "begin <= end"
    add (tensor "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]") 4 "begin <= end"
    add (tensor "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]") 4 "whole numbers"
    add (tensor "\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]") 8 "belong to no tensor"
    add $"{{\"a\":{entry},\"b\":{entry}}}" 4 "inside the one before it"
    add $"{{\"a\":{entry}}}" 3 "cut short"
    add $"{{\"a\":{entry}}}" 5 "follow the last tensor"
    add $"{{\"a\":{entry}}}" 0 "cut short"
    add "{\"__metadata__\":{\"a\":1}}" 0 "strings to strings"
    add "{\"__metadata__\":[]}" 0 "strings to strings"
    add "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}" 0 "stands twice"
    add "{\"__metadata__\":{},\"__metadata__\":{}}" 0 "stands twice"
    add "{\"\\ud800\":1}" 0 "not valid"
    add (String.replicate 100 "{\"a\":") 0 "not valid JSON"
    data

[<Theory; MemberData(nameof headers)>]
let ``a header that breaks a rule is refused with the rule`` (header: string) (bytes: int) (word: string) =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "bad.safetensors")
        raw path header (Array.zeroCreate bytes)
        refused path word (fun () -> SafeTensors.Open path))

[<Fact>]
let ``bytes that are not UTF-8, and lengths that cannot be, are refused`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "bad.safetensors")

        File.WriteAllBytes(
            path,
            Array.concat [ BitConverter.GetBytes 4UL; [| byte '{'; byte '"'; 0xFFuy; byte '}' |] ]
        )

        refused path "UTF-8" (fun () -> SafeTensors.Open path)

        for length, word in
            [
                UInt64.MaxValue, "must be at most"
                100_000_001UL, "must be at most"
                100_000_000UL, "must be whole"
                3UL, "must be whole"
            ] do
            File.WriteAllBytes(path, Array.append (BitConverter.GetBytes length) [| byte '{'; byte '}' |])
            refused path word (fun () -> SafeTensors.Open path)

        File.WriteAllBytes(path, [||])
        refused path "has 0 bytes" (fun () -> SafeTensors.Open path)
        refused "nowhere" "no such file" (fun () -> SafeTensors.Open(Path.Combine(folder, "nowhere")))
        refused folder "cannot read" (fun () -> SafeTensors.Open folder))

[<Fact>]
let ``empty files, empty tensors, scalars, unknown keys and spaces after the header are legal`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "good.safetensors")
        raw path "{}" [||]

        (use file = SafeTensors.Open path
         Assert.Empty file.Tensors)

        raw
            path
            """{"__metadata__":null,"e":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4],"more":{"x":[1]}},
               "s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"f":{"dtype":"F4","shape":[4],"data_offsets":[4,6]}}   """
            (Array.zeroCreate 6)

        use file = SafeTensors.Open path
        Assert.Equal<string>([ "s"; "e"; "f" ], [ for tensor in file.Tensors -> tensor.Name ])
        Assert.Empty(file["s"].Shape))

[<Fact>]
let ``a tensor beyond the fourth gigabyte of a sparse file is read where it lies`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "large.safetensors")
        let large = 4L <<< 30

        do
            use writer =
                new SafeTensorsWriter(
                    path,
                    [
                        SafeTensorPlan("a", SafeTensorType.U8, shape [ large ])
                        SafeTensorPlan("z", SafeTensorType.U8, shape [ 3L ])
                    ],
                    durable = false,
                    reserve = false
                )

            writer.Skip "a" // a hole: the file system stores nothing for it
            writer.Write("z", ReadOnlySpan [| 1uy; 2uy; 3uy |])
            writer.Complete()

        use file = SafeTensors.Open path
        Assert.True(FileInfo(path).Length > large)
        Assert.Equal<byte>([| 1uy; 2uy; 3uy |], file.Bytes(file["z"]).ToArray())
        Assert.Equal(large, file["a"].ByteCount)
        Assert.Equal(int64 (file.Address(file["z"]) - file.Address(file["a"])), large)

        Assert.Throws<OverflowException>(fun () -> file.Bytes(file["a"]).Length |> ignore)
        |> ignore)

[<Fact>]
let ``a file that was not completed leaves nothing behind, and an older one untouched`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.safetensors")
        write path [ "old", SafeTensorType.U8, [ 1L ] ] |> ignore

        do
            use writer =
                new SafeTensorsWriter(path, [ SafeTensorPlan("new", SafeTensorType.U8, shape [ 2L ]) ])

            writer.Write("new", ReadOnlySpan [| 1uy |])

            Assert.Throws<InvalidOperationException>(fun () -> writer.Complete()) |> ignore

        use file = SafeTensors.Open path
        Assert.Equal("old", file.Tensors[0].Name)
        Assert.Single(Directory.GetFiles folder) |> ignore)

[<Fact>]
let ``shards are found through their index, and an index that disagrees is refused`` () =
    inFolder (fun folder ->
        let plans =
            [
                for i in 1..5 -> SafeTensorPlan($"t{i}", SafeTensorType.F32, shape [ int64 i ])
            ]

        let shards = SafeTensorsIndex.Shards(plans, 24L)

        Assert.Equal<string>(
            [
                "model-00001-of-00003.safetensors"
                "model-00002-of-00003.safetensors"
                "model-00003-of-00003.safetensors"
            ],
            [ for struct (file, _) in shards -> file ]
        )

        for struct (file, tensors) in shards do
            write
                (Path.Combine(folder, file))
                [ for tensor in tensors -> tensor.Name, tensor.Type, List.ofSeq tensor.Shape ]
            |> ignore

        SafeTensorsIndex.Write(folder, shards, durable = false)
        let index = Path.Combine(folder, SafeTensorsFolder.IndexFile)
        Assert.Contains("\"total_size\": 60", File.ReadAllText index)

        (use opened = SafeTensorsFolder.Open folder
         Assert.Equal<string>([ for i in 1..5 -> $"t{i}" ], opened.Names))

        let text = File.ReadAllText index
        File.WriteAllText(index, text.Replace("\"t4\": \"model-00002", "\"t4\": \"model-00003"))
        refused index "is in model-00003" (fun () -> SafeTensorsFolder.Open folder)
        File.WriteAllText(index, text.Replace("\"t4\"", "\"t9\""))
        refused index "'t9'" (fun () -> SafeTensorsFolder.Open folder)
        File.WriteAllText(index, text.Replace("model-00002-of-00003", "../secret"))
        refused index "plain name" (fun () -> SafeTensorsFolder.Open folder)
        File.WriteAllText(index, "{\"weight_map\": 3}")
        refused index "weight_map" (fun () -> SafeTensorsFolder.Open folder)
        File.WriteAllText(index, "{")
        refused index "not valid JSON" (fun () -> SafeTensorsFolder.Open folder)
        File.WriteAllText(index, text)
        File.Delete(Path.Combine(folder, "model-00002-of-00003.safetensors"))
        refused "model-00002-of-00003" "no such file" (fun () -> SafeTensorsFolder.Open folder)
        refused "empty" "neither" (fun () -> SafeTensorsFolder.Open(Path.Combine(folder, "empty"))))
