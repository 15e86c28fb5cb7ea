/// The same test on ranks that are threads of a local world, and on ranks that Gloo joins.
module Evo.Parallel.Tests.Worlds

open System
open System.Collections.Concurrent
open Evo.Parallel
open Evo.Torch
open TorchSharp

/// Ranks of one size, joined by Gloo through a store in this process. Kept, as connecting takes a while.
let private joined = ConcurrentDictionary<int, RankWorld array>()

let private join size =
    let store = C10dStore.InMemory()

    let options =
        C10dOptions(Address = "127.0.0.1", Timeout = TimeSpan.FromSeconds 60.0)

    [|
        for rank in 0 .. size - 1 -> new C10dRank(rank, size, (fun () -> store), options) :> RankWorld
    |]

/// The result of each rank, on threads joined by Gloo. After a failure the ranks are not used again.
let glooResults size (body: RankWorld -> 'result) : 'result list =
    let ranks = joined.GetOrAdd(size, join)

    try
        LocalWorld.Results(
            size,
            fun rank ->
                try
                    body ranks[rank.Rank]
                with error ->
                    // The others are freed by the watch.
                    ranks[rank.Rank].Failed error
                    reraise ()
        )
        |> List.ofArray
    with _ ->
        joined.TryRemove size |> ignore
        reraise ()

let localResults size (body: RankWorld -> 'result) : 'result list =
    LocalWorld.Results(size, (fun rank -> body rank)) |> List.ofArray

/// "local" or "gloo".
let results kind size body =
    match kind with
    | "local" -> localResults size body
    | "gloo" -> glooResults size body
    | _ -> invalidArg (nameof kind) kind

/// Runs a body that gives a tensor on both; the bits must be the same on each rank.
let onBoth size (body: RankWorld -> torch.Tensor) : torch.Tensor list =
    let local = localResults size body
    let gloo = glooResults size body

    for rank, (here, there) in List.indexed (List.zip local gloo) do
        if
            here.dtype <> there.dtype
            || here.shape <> there.shape
            || Grids.bits here <> Grids.bits there
        then
            failwith $"rank {rank} of {size}: {here.str ()} on threads, {there.str ()} over gloo"

    local
