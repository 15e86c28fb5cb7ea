/// Megatron's token files: what its writer writes is read, and no altered file is read as if it were whole.
module Evo.Data.Tests.MegatronFiles

open System
open System.IO
open Evo.Core
open Evo.Data
open FsCheck
open FsCheck.FSharp
open Xunit
open Evo.Data.Tests.Scratch

/// The pair of files of documents, each of some sequences, as Megatron's MMapIndexedDataset lays them out.
let private megatron (code: int) (documents: int list list list) =
    let width (writer: BinaryWriter) (id: int) =
        match code with
        | 1 -> writer.Write(byte id)
        | 2 -> writer.Write(sbyte id)
        | 3 -> writer.Write(int16 id)
        | 4 -> writer.Write id
        | 5 -> writer.Write(int64 id)
        | 7 -> writer.Write(float32 id)
        | _ -> writer.Write(uint16 id)

    let bytes write =
        use stream = new MemoryStream()
        use writer = new BinaryWriter(stream)
        write writer
        stream.ToArray()

    let sequences = List.concat documents

    let contents =
        sequences
        |> List.map (fun ids -> bytes (fun writer -> List.iter (width writer) ids))

    let index =
        bytes (fun writer ->
            writer.Write "MMIDIDX\000\000"B
            writer.Write 1UL
            writer.Write(byte code)
            writer.Write(uint64 sequences.Length)
            writer.Write(uint64 (documents.Length + 1))
            sequences |> List.iter (fun ids -> writer.Write ids.Length)

            contents
            |> List.scan (fun at content -> at + int64 content.Length) 0L
            |> List.take contents.Length
            |> List.iter writer.Write

            documents
            |> List.scan (fun at document -> at + int64 document.Length) 0L
            |> List.iter writer.Write)

    Array.concat contents, index

let private written folder code documents =
    let path = Path.Combine(folder, "a.bin")
    let bin, index = megatron code documents
    File.WriteAllBytes(path, bin)
    File.WriteAllBytes(MegatronFile.IndexOf path, index)
    path

let private all (file: TokenizedFile) =
    [
        for document in 0 .. file.DocumentCount - 1 -> List.ofArray (file.Read document)
    ]

[<Fact>]
let ``what Megatron writes is read, in every type of ids, and documents of several sequences too`` () =
    let law (code: int, documents: int list list list) =
        inFolder (fun folder ->
            use file = MegatronFile.Open(written folder code documents)
            all file = List.map List.concat documents)

    let documents =
        Gen.listOf (Gen.resize 3 (Gen.listOf (Gen.resize 9 (Gen.listOf (Gen.choose (0, 127))))))

    let worlds = Gen.zip (Gen.elements [ 1; 2; 3; 4; 5; 8 ]) (Gen.resize 12 documents)
    Check.One(Config.QuickThrowOnFailure, Prop.forAll (Arb.fromGen worlds) law)

[<Fact>]
let ``any part of a document is read, and large ids keep their size`` () =
    inFolder (fun folder ->
        use file =
            MegatronFile.Open(written folder 8 [ [ [ 1; 65535; 3; 40000; 5 ] ]; [ [ 6 ] ] ])

        let ids = Array.zeroCreate 3
        file.Read(0, 1, Span ids)
        Assert.Equal<int>([| 65535; 3; 40000 |], ids)

        Assert.Throws<ArgumentOutOfRangeException>(fun () -> file.Read(0, 3, Span ids))
        |> ignore)

[<Fact>]
let ``a data set takes the files that it finds, of both makes, and learns id 0 where that is possible`` () =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "b.bin")
        written folder 8 [ [ [ 1; 0; 2 ] ] ] |> ignore
        use writer = new TokenFileWriter(path)
        writer.Write(ReadOnlySpan [| 1; 0; 2 |])
        writer.Complete()
        use prefix = TokenDataset.Open(Path.Combine(folder, "a"))
        Assert.Equal(1, prefix.DocumentCount)
        use data = TokenDataset.Open folder

        let reader =
            RowReader(data, CutRows(DocumentStream.InOrder(data.Lengths, 0, 2), 6, 6, true))

        Assert.Equal<int>([| 0; 2; -100; -100; 2; -100 |], reader.Read(0L).Labels))

[<Fact>]
let ``damage is told by its rule`` () =
    inFolder (fun folder ->
        let sound = [ [ [ 1; 2; 3 ]; [ 4 ] ]; [ [ 5; 6 ] ] ]

        let damaged (reason: string) (alter: byte array -> byte array) =
            let path = written folder 4 sound
            let index = MegatronFile.IndexOf path
            let bytes = File.ReadAllBytes index
            File.WriteAllBytes(index, alter bytes)
            refused "a.idx" reason (fun () -> MegatronFile.Open path)

        let set at (value: byte) (bytes: byte array) =
            bytes[at] <- value
            bytes

        damaged "MMIDIDX" (set 0 0uy)
        damaged "older format" (fun bytes -> Array.append "TNTIDX\000\000"B bytes[8..])
        damaged "version 2" (set 9 2uy)
        damaged "element type 7" (set 17 7uy)
        damaged "need" (set 18 200uy)
        damaged "2^31" (set 23 1uy)
        damaged "need" (fun bytes -> bytes[.. bytes.Length - 2])
        damaged "header" (fun bytes -> bytes[..20])
        damaged "inside the .bin file" (set 34 99uy)
        damaged "inside the .bin file" (set 37 255uy)
        damaged "must follow each other" (set (34 + 12 + 8) 16uy)
        damaged "must rise" (set (34 + 36 + 8) 200uy)
        damaged "must rise" (set (34 + 36) 1uy)
        let path = written folder 4 [ [ [ 1; -2; 70 ] ] ]
        use file = MegatronFile.Open(path, 70)
        refused path "token id -2" (fun () -> file.Read 0)
        written folder 4 [ [ [ 1; 2; 70 ] ] ] |> ignore
        use file = MegatronFile.Open(path, 70)
        refused path "another tokenizer" (fun () -> file.Read 0)
        File.Delete(MegatronFile.IndexOf path)
        refused path "no .meta file" (fun () -> TokenizedFile.Open path))

let private survive count =
    inFolder (fun folder ->
        let random = Random 7
        let telling = [| 0uy; 1uy; 2uy; 4uy; 8uy; 0x7fuy; 0x80uy; 0xffuy |]
        let bin, index = megatron 8 [ [ [ 1; 2; 3 ]; [ 4 ] ]; []; [ [ 5; 6 ] ]; [ [] ] ]
        let path = Path.Combine(folder, "a.bin")
        let mutable read = 0

        for case in 1..count do
            let mutable changed = Array.copy (if case % 8 = 0 then bin else index)

            for _ in 1 .. random.Next(1, 4) do
                let at = random.Next changed.Length

                match random.Next 5 with
                | 0 -> changed[at] <- changed[at] ^^^ (1uy <<< random.Next 8)
                | 1 -> changed[at] <- telling[random.Next telling.Length]
                | 2 ->
                    changed <-
                        Array.append
                            changed
                            (Array.create (random.Next 9) telling[random.Next telling.Length])
                | 3 when at > 0 && random.Next 4 = 0 -> changed <- changed[.. at - 1]
                | _ ->
                    Array.fill changed at (min 8 (changed.Length - at)) telling[random.Next telling.Length]

            File.WriteAllBytes(path, (if case % 8 = 0 then changed else bin))
            File.WriteAllBytes(MegatronFile.IndexOf path, (if case % 8 = 0 then index else changed))
            let before = GC.GetAllocatedBytesForCurrentThread()

            let fine =
                orderly (Path.Combine(folder, "a.")) (fun () ->
                    use file = MegatronFile.Open(path, 60000)
                    all file |> ignore
                    read <- read + 1)

            let spent = GC.GetAllocatedBytesForCurrentThread() - before
            Assert.True(fine, $"case {case}")

            Assert.True(
                spent < 100_000L,
                $"case {case}: {spent} bytes for files of {bin.Length + index.Length}"
            )

        read)

[<Fact>]
let ``5,000 altered files are read or refused in good order`` () =
    Assert.InRange(survive 5_000, 100, 4_500)

[<Fact; Trait("Category", "Full")>]
let ``100,000 altered files are read or refused in good order`` () =
    Assert.InRange(survive 100_000, 2_000, 90_000)
