/// Batches that another run has stored come back as they were, in any number of shares.
module Evo.Data.Tests.Replays

open System
open System.IO
open Evo.Data
open Xunit
open Evo.Data.Tests.PickleWriter
open Evo.Data.Tests.Scratch

/// What torch.save writes for a tensor of rows.
let private saved (rows: int64 list list) =
    let rowCount, length = int64 rows.Length, int64 rows.Head.Length

    let view =
        tensor (storage "Long" "0" (rowCount * length)) 0L [ rowCount; length ] [ length; 1L ]

    let bytes = rows |> List.concat |> List.map BitConverter.GetBytes |> Array.concat
    torchFile (Array.concat [ proto 2; view; stop ]) [ "0", bytes ]

let private store (folder: string) kind step rank rows =
    File.WriteAllBytes(Path.Combine(folder, $"{kind}_step{step}_dp{rank}.pt"), saved rows)

/// Two steps of two ranks with two sequences of three tokens each.
let private stored folder =
    for step in 0..1 do
        for rank in 0..1 do
            let first = int64 (100 * step + 10 * rank + 1)

            store
                folder
                "tokens"
                step
                rank
                [ [ first; -(first + 1L); first + 2L ]; [ first + 3L; first + 4L; 0L ] ]

            store folder "labels" step rank [ [ first + 1L; -100L; 0L ]; [ first + 4L; 7L; -100L ] ]

let private read (replay: ReplayFolder) step sequence count =
    let tokens, labels = Array.zeroCreate (3 * count), Array.zeroCreate (3 * count)
    replay.Read(step, sequence, Span tokens, Span labels)
    tokens, labels

[<Fact>]
let ``a step is its ranks' rows one after the other, with the labels that were stored`` () =
    inFolder (fun folder ->
        stored folder
        let replay = ReplayFolder(folder, 3)
        Assert.Equal(2, replay.StepCount)
        Assert.Equal(4, replay.Sequences)
        let tokens, labels = read replay 1L 0 4
        Assert.Equal<int>([| 101; 102; 103; 104; 105; 0; 111; 112; 113; 114; 115; 0 |], tokens)
        Assert.Equal<int>([| 102; -100; -100; 105; 7; -100; 112; -100; -100; 115; 7; -100 |], labels)
        Assert.Equal<int>([| 11; 12; 13 |], fst (read replay 0L 2 1))
        refused folder "steps 0 to 1 are stored" (fun () -> read replay 2L 0 1))

[<Fact>]
let ``what is missing or does not fit is named`` () =
    inFolder (fun folder ->
        refused folder "no tokens_step0_dp0.pt" (fun () -> ReplayFolder(folder, 3))
        stored folder
        refused "tokens_step0_dp0.pt" "data.seq_len = 4" (fun () -> ReplayFolder(folder, 4))
        store folder "labels" 1 0 [ [ 1L; 2L; 3L ] ]
        let replay = ReplayFolder(folder, 3)
        refused "tokens_step1_dp0.pt" "9 labels" (fun () -> read replay 1L 0 1)
        File.Delete(Path.Combine(folder, "labels_step0_dp1.pt"))
        refused folder "no labels_step0_dp1.pt" (fun () -> ReplayFolder(folder, 3))
        refused "nowhere" "no such file" (fun () -> ReplayFolder(Path.Combine(folder, "nowhere"), 3)))

[<Fact>]
let ``a changed file is told by its name`` () =
    inFolder (fun folder ->
        stored folder
        let before = ReplayFolder(folder, 3).Fingerprint
        Assert.Null(before.Difference(ReplayFolder(folder, 3).Fingerprint))
        store folder "labels" 1 1 [ [ 1L; 2L; 3L ]; [ 4L; 5L; 6L ] ]
        Assert.Contains("labels_step1_dp1.pt", before.Difference(ReplayFolder(folder, 3).Fingerprint)))

[<Fact>]
let ``5,000 altered files are read or refused in good order`` () =
    inFolder (fun folder ->
        let random = Random 11
        let sound = saved [ [ 1L; 2L; 3L ]; [ 4L; 5L; 6L ] ]
        store folder "labels" 0 0 [ [ 1L; 2L; 3L ]; [ 4L; 5L; 6L ] ]
        let path = Path.Combine(folder, "tokens_step0_dp0.pt")

        for case in 1..5_000 do
            let bytes = Array.copy sound

            for _ in 1 .. random.Next(1, 5) do
                bytes[random.Next bytes.Length] <- byte (random.Next 256)

            File.WriteAllBytes(
                path,
                (if case % 5 = 0 then
                     bytes[.. random.Next bytes.Length]
                 else
                     bytes)
            )

            Assert.True(orderly folder (fun () -> ReplayFolder(folder, 3) |> ignore), $"case {case}"))
