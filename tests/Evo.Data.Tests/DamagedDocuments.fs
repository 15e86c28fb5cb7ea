/// Damaged files of every format of documents: an error that names the file, and neither a crash, a hang nor a flood of memory.
module Evo.Data.Tests.DamagedDocuments

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open Evo.Data
open Xunit
open Evo.Data.Tests.Scratch
open Evo.Data.Tests.DocumentWriters

/// Bytes that mean something in many formats: ends of ranges, and lengths that overflow.
let private telling = [| 0uy; 1uy; 0x7Fuy; 0x80uy; 0xFEuy; 0xFFuy |]

/// A file with a few bytes changed, a run of them repeated, moved or removed, or an end that is missing or foreign.
let private damaged (random: Random) (good: byte[]) (other: byte[]) =
    let bytes = List<byte>(good)

    for _ in 0 .. random.Next 4 do
        if bytes.Count > 8 then
            // Heads and footers decide most: half the damage falls there.
            let at =
                match random.Next 4 with
                | 0 -> random.Next(min 64 bytes.Count)
                | 1 -> bytes.Count - 1 - random.Next(min 300 bytes.Count)
                | _ -> random.Next bytes.Count

            let count = min (bytes.Count - at) (1 + random.Next 9)

            match random.Next 8 with
            | 0 -> bytes.RemoveRange(at, count)
            | 1 -> bytes.InsertRange(at, bytes.GetRange(at, count))
            | 2 -> bytes[at] <- bytes[at] ^^^ (1uy <<< random.Next 8)
            | 3 ->
                for i in at .. at + count - 1 do
                    bytes[i] <- telling[random.Next telling.Length]
            | 4 -> bytes.RemoveRange(at, bytes.Count - at)
            | 5 -> bytes.AddRange(ArraySegment(other, other.Length / 2, other.Length - other.Length / 2))
            | _ -> bytes[at] <- byte (random.Next 256)

    bytes.ToArray()

/// The most bytes that reading a file of some hundred bytes may allocate: what a page may decompress to, and small change.
let private mostBytes = (64L <<< 20) + (16L <<< 20)

let private fuzz count (chosen: Format -> bool) (more: (string * byte[]) list) =
    inFolder (fun folder ->
        let seeds =
            [
                for format in List.filter chosen formats do
                    let path = Path.Combine(folder, "seed" + format.Ending)
                    format.Write path goldenRows
                    format.Ending, File.ReadAllBytes path
                yield! more
            ]

        let random = Random 20
        let mutable refusals = 0

        for n in 0 .. count - 1 do
            let ending, good = seeds[n % seeds.Length]
            let path = Path.Combine(folder, "a" + ending)
            let bytes = damaged random good (snd seeds[random.Next seeds.Length])
            File.WriteAllBytes(path, bytes)
            let before = GC.GetAllocatedBytesForCurrentThread()
            let clock = Stopwatch.StartNew()

            try
                TextFiles.Documents path |> Seq.iter ignore
            with
            | :? DataException as error when error.Message.Contains path && not (error.Message.Contains '\n') ->
                refusals <- refusals + 1
            | error -> failwith $"input {n} of {ending}: {error}\n{Convert.ToBase64String bytes}"

            let allocated = GC.GetAllocatedBytesForCurrentThread() - before

            Assert.True(
                allocated < mostBytes,
                $"input {n} of {ending}: {allocated} bytes allocated\n{Convert.ToBase64String bytes}"
            )

            Assert.True(
                clock.Elapsed.TotalSeconds < 10.0,
                $"input {n} of {ending}: {clock.Elapsed}\n{Convert.ToBase64String bytes}"
            )

        // Damage that never showed would mean that nothing was damaged.
        Assert.True(refusals > count / 10, $"{refusals} of {count} refused"))

let private isArrow (format: Format) = format.Name.StartsWith "arrow"
let private isParquet (format: Format) = format.Name.StartsWith "parquet"
let private isCompressed (format: Format) = format.Name.StartsWith "jsonl, "

let private goldenParquet =
    [ for _, bytes in golden -> ".parquet", Convert.FromBase64String bytes ]

[<Fact>]
let ``5,000 damaged Arrow files are refused or read in order`` () = fuzz 5_000 isArrow []

[<Fact>]
let ``5,000 damaged Parquet files are refused or read in order`` () = fuzz 5_000 isParquet goldenParquet

[<Fact>]
let ``5,000 damaged gzip and zstd files are refused or read in order`` () = fuzz 5_000 isCompressed []

[<Fact; Trait("Category", "Full")>]
let ``100,000 damaged Arrow files`` () = fuzz 100_000 isArrow []

[<Fact; Trait("Category", "Full")>]
let ``100,000 damaged Parquet files`` () = fuzz 100_000 isParquet goldenParquet

[<Fact; Trait("Category", "Full")>]
let ``100,000 damaged gzip and zstd files`` () = fuzz 100_000 isCompressed []
