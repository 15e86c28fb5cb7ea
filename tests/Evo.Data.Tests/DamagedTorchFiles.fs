/// Altered PyTorch files: whatever their bytes, they are read or refused, quickly, and with no more memory than they justify.
module Evo.Data.Tests.DamagedTorchFiles

open System
open System.Diagnostics
open System.IO
open Evo.Data
open Xunit
open Evo.Data.Tests.PickleWriter
open Evo.Data.Tests.Scratch

let private pickle =
    let floats = storage "Float" "0" 12L

    stateDict
        [
            "a.weight", tensor floats 0L [ 3L; 4L ] [ 4L; 1L ]
            "b.weight", tensor floats 0L [ 4L; 3L ] [ 1L; 4L ]
            "c",
            reduce
                (global' "torch._utils" "_rebuild_parameter")
                [ tensor (storage "Half" "1" 6L) 2L [ 2L; 2L ] [ 2L; 1L ]; yes; ordered ]
            "d", tensor (storage "Long" "2" 1L) 0L [] []
        ]

let private storages =
    [ "0", Array.init 48 byte; "1", Array.init 12 byte; "2", Array.init 8 byte ]

/// One to four changes of bytes: flipped, set to an opcode or an extreme, taken out, doubled, moved, cut off.
let private mutate (random: Random) (bytes: byte[]) =
    let mutable changed = Array.copy bytes

    let telling =
        [|
            0uy
            1uy
            0x7fuy
            0xffuy
            byte 'c'
            byte 'R'
            byte 'Q'
            byte 'q'
            byte 'h'
            byte '('
            byte 't'
            byte 'u'
            byte '2'
            byte 'X'
            0x8auy
            0x93uy
            0x95uy
        |]

    for _ in 1 .. random.Next(1, 5) do
        if changed.Length > 8 then
            let at = random.Next changed.Length
            let count = min (random.Next(1, 9)) (changed.Length - at)
            let piece = changed[at .. at + count - 1]

            match random.Next 8 with
            | 0 -> changed[at] <- changed[at] ^^^ (1uy <<< random.Next 8)
            | 1 -> changed[at] <- telling[random.Next telling.Length]
            | 2 -> changed <- Array.removeManyAt at count changed
            | 3 -> changed <- Array.insertManyAt at piece changed
            | 4 ->
                changed <- Array.removeManyAt at count changed
                changed <- Array.insertManyAt (random.Next(changed.Length + 1)) piece changed
            | 5 ->
                changed <-
                    Array.insertManyAt at (Array.create count telling[random.Next telling.Length]) changed
            | 6 -> Array.blit (BitConverter.GetBytes(random.Next())) 0 changed (min at (changed.Length - 4)) 4
            | _ ->
                if random.Next 10 = 0 then
                    changed <- changed[..at]

    changed

/// Opens a file and reads every tensor of it.
let private readAll (path: string) =
    use file = TorchFile.Open path

    for tensor in file.Tensors do
        let piece = Array.zeroCreate<byte>(int tensor.ByteCount)
        file.Read(tensor, 0L, piece.AsSpan())

/// So many altered files; how many of them were read all the same.
let private survive count =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "a.bin")
        let random = Random 20
        let sound = torchFile pickle storages
        let mutable read = 0

        for case in 1..count do
            // Half of them keep the archive whole, so that the pickle itself is what is damaged.
            let content =
                if case % 2 = 0 then
                    mutate random sound
                else
                    torchFile (mutate random pickle) storages

            File.WriteAllBytes(path, content)
            let clock = Stopwatch.StartNew()
            let before = GC.GetAllocatedBytesForCurrentThread()

            let fine =
                orderly path (fun () ->
                    readAll path
                    read <- read + 1)

            let spent = GC.GetAllocatedBytesForCurrentThread() - before
            Assert.True(fine, $"case {case}")

            Assert.True(
                spent < 200_000L + 200L * int64 content.Length,
                $"case {case}: {spent} bytes for a file of {content.Length}"
            )

            Assert.True(clock.Elapsed < TimeSpan.FromSeconds 5.0, $"case {case}: {clock.Elapsed}")

        read)

[<Fact>]
let ``5,000 altered files are read or refused in good order`` () =
    let read = survive 5_000
    // Neither all nor none: the changes reach what they should.
    Assert.InRange(read, 50, 4_000)

[<Fact; Trait("Category", "Full")>]
let ``100,000 altered files are read or refused in good order`` () =
    Assert.InRange(survive 100_000, 1_000, 80_000)
