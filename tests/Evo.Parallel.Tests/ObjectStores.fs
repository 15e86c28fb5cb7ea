/// Checkpoints in an object store: committed by their mark, whatever the store does.
module Evo.Parallel.Tests.ObjectStores

open System
open System.IO
open Evo.Core
open Evo.Data
open Evo.Parallel
open Evo.Parallel.Tests.CheckpointStores
open Evo.Parallel.Tests.ObjectServers
open FsCheck
open FsCheck.FSharp
open Xunit

let private at = ObjectAddress.Parse "s3://bucket/runs/one"

let private storeOf (server: TestServer) : ICheckpointStore = ObjectStore(server.Settings, at)

let private openedOn server =
    let store = storeOf server
    store.Open()
    store

let private newestOf (store: ICheckpointStore) =
    match Checkpoint.Newest(store, (fun place reason -> Assert.Fail $"{place}: {reason}")) with
    | null -> 0L
    | found -> wholeStep found

[<Fact>]
let ``an address has a bucket and a prefix, and comes back as it was written`` () =
    for text, bucket, prefix in [ "s3://b", "b", ""; "s3://b/", "b", ""; "s3://b/runs/7b/", "b", "runs/7b" ] do
        let address = ObjectAddress.Parse text
        Assert.Equal((bucket, prefix), (address.Bucket, address.Prefix))
        Assert.Equal(text.TrimEnd '/', address.ToString())

    Assert.Equal("s3://b/runs/7b/snapshot", CheckpointPlace.Below("s3://b/runs/7b", "snapshot"))

    for text in [ "s3://"; "s3:///x"; "runs/7b" ] do
        Assert.Throws<DataException>(fun () -> ObjectAddress.Parse text |> ignore)
        |> ignore

[<Fact>]
let ``the newest checkpoint is found, with the content that was written, and what is removed is gone`` () =
    use server = new TestServer()
    let store = openedOn server

    for step in [ 5L; 10L; 15L; 100L; 20L ] do
        save store keepAll step |> ignore

    Assert.Equal<int64 seq>([ 100L; 20L; 15L; 10L; 5L ], store.Steps())
    Assert.Equal(100L, newestOf store)
    store.Remove 100L
    Assert.Equal(20L, newestOf (storeOf server))
    Assert.DoesNotContain(server.Objects.Keys, (fun key -> key.Contains "/100"))

[<Fact>]
let ``a file larger than a part is put in parts, and read from any place`` () =
    use server = new TestServer()
    let store = openedOn server
    let bytes = Array.zeroCreate<byte>(40 * 1024 * 1024 + 7)
    (Random 3).NextBytes bytes
    use draft = store.Draft 1L
    draft.Begin()
    File.WriteAllBytes(Path.Combine(draft.Folder, "large.bin"), bytes)
    draft.Secure [ "large.bin" ]
    draft.Commit [] |> ignore
    Assert.Equal(3, server.Parts)
    Assert.Empty server.Uploads
    use files = store.Files 1L
    Assert.Equal(bytes.LongLength, (files.Length "large.bin").Value)
    let random = Random 4

    for length in [ 1; 1000; 9_000_000; 20_000_000; bytes.Length ] do
        let offset = random.Next(bytes.Length - length + 1)
        let found = Array.zeroCreate<byte> length
        files.Read("large.bin", int64 offset, found.AsSpan())
        Assert.True(found.AsSpan().SequenceEqual(bytes.AsSpan(offset, length)))

    let error =
        Assert.Throws<DataException>(fun () ->
            files.Read("large.bin", bytes.LongLength - 1L, (Array.zeroCreate<byte> 2).AsSpan()))

    Assert.Contains($"ends at byte {bytes.Length}", error.Message)

[<Fact>]
let ``a file is read in few requests, however many stretches of it are asked for`` () =
    use server = new TestServer()
    let store = openedOn server
    use draft = store.Draft 1L
    draft.Begin()
    File.WriteAllBytes(Path.Combine(draft.Folder, "rows.bin"), Array.zeroCreate 1_000_000)
    draft.Secure [ "rows.bin" ]
    draft.Commit [] |> ignore
    let before = server.Requests
    use files = store.Files 1L

    for row in 0..999 do
        files.Read("rows.bin", int64 row * 1000L, (Array.zeroCreate<byte> 100).AsSpan())

    Assert.InRange(server.Requests - before, 1, 4)

[<Fact>]
let ``a store that fails every third request, in every way, loses nothing`` () =
    for fault in [ Busy; Dropped; Unanswered; CutShort ] do
        use server =
            new TestServer(fun request -> if request % 3 = 2 then Some fault else None)

        let store = openedOn server

        for step in 1L .. 3L do
            save store { Last = 2; Every = 0L } step |> ignore

        Assert.Equal<int64 seq>([ 3L; 2L ], store.Steps())
        Assert.Equal(3L, newestOf store)

[<Fact>]
let ``an object that was altered, or cut, or is gone is refused by name, and the checkpoint before is taken``
    ()
    =
    for harm, word in
        [
            (fun (bytes: byte[]) ->
                let wrong = Array.copy bytes
                wrong[9] <- wrong[9] ^^^ 1uy
                Some wrong),
            "altered"
            (fun bytes -> Some bytes[.. bytes.Length - 2]), "cut short"
            (fun _ -> None), "missing"
        ] do
        use server = new TestServer()
        let store = openedOn server
        save store keepAll 1L |> ignore
        save store keepAll 2L |> ignore
        let key = "runs/one/2/weights.bin"

        match harm server.Objects[key] with
        | Some bytes -> server.Objects[key] <- bytes
        | None -> server.Objects.TryRemove key |> ignore

        let refused = ResizeArray<string>()

        let found =
            Checkpoint.Newest(storeOf server, (fun _ reason -> refused.Add reason))
            |> nonNull

        Assert.Equal(1L, wholeStep found)
        let reason = Assert.Single refused
        Assert.Contains("s3://bucket/runs/one/2/weights.bin", reason)
        Assert.Contains(word, reason)

[<Fact>]
let ``a bit that turns on the way is noticed`` () =
    use server = new TestServer()
    let store = openedOn server
    save store keepAll 1L |> ignore
    server.Fault <- fun _ -> Some Flipped
    let refused = ResizeArray<string>()

    try
        Assert.Null(Checkpoint.Newest(storeOf server, (fun _ reason -> refused.Add reason)))
    with :? DataException as error ->
        // A list whose words make no sense any more.
        refused.Add error.Message

    Assert.NotEmpty refused

[<Fact>]
let ``what cannot be reached or is not allowed is one error with the address and what to look at`` () =
    use server = new TestServer()

    let elsewhere =
        ObjectStore(server.Settings, ObjectAddress.Parse "s3://nobody/runs") :> ICheckpointStore

    let error = Assert.Throws<CheckpointException>(fun () -> elsewhere.Open())
    Assert.Contains("s3://nobody/runs", error.Message)
    Assert.Contains("NoSuchBucket", error.Message)
    Assert.Contains("make the bucket", error.Message)

/// A store whose process dies at some request: from then on nothing that it asks is done.
let private dying (server: TestServer) request : ICheckpointStore =
    server.Fault <- fun number -> if number >= request then Some Dropped else None
    ObjectStore(server.Impatient, at)

[<Fact>]
let ``a process that dies at any request leaves what was committed, whole, and the next start cleans up`` () =
    let request =
        gen {
            let! saves = Gen.choose (1, 4)
            let! dies = Gen.choose (0, 60)
            let! keep = Gen.choose (0, 2)
            return saves, dies, keep
        }

    let holds (saves, dies, keep) =
        use server = new TestServer()
        let store = openedOn server
        save store keepAll 1L |> ignore
        let mutable committed = 1L
        let dying = dying server dies

        try
            for step in 2L .. int64 saves + 1L do
                save dying { Last = keep; Every = 0L } step |> ignore
                committed <- step
        with
        | :? DataException
        | :? CheckpointException -> ()

        server.Fault <- fun _ -> None
        let left = storeOf server
        let newest = newestOf left
        // The mark may have been put when the answer was lost.
        Assert.InRange(newest, committed, committed + 1L)
        left.Open()
        Assert.Equal(newest, newestOf left)
        let steps = left.Steps()

        let strays =
            server.Objects.Keys
            |> Seq.filter (fun key ->
                not (
                    steps
                    |> Seq.exists (fun step ->
                        key = $"runs/one/{step}.step" || key.StartsWith $"runs/one/{step}/")
                ))

        Assert.Empty strays
        Assert.Empty server.Uploads

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 40, Prop.forAll (Arb.fromGen request) holds)

let private held server =
    let store = storeOf server
    store.Hold() |> ignore
    store.Open()
    store

[<Fact>]
let ``of two runs that save at one place the one that began first stops at its next save, and harms nothing``
    ()
    =
    use server = new TestServer()
    let first = held server
    save first keepAll 1L |> ignore
    let second = held server
    save second keepAll 2L |> ignore
    let before = server.Objects |> Seq.map (fun o -> o.Key, o.Value) |> Map

    for act in
        [
            (fun () -> save first keepAll 2L |> ignore)
            (fun () -> save first keepAll 3L |> ignore)
            (fun () -> first.Remove 2L)
            (fun () ->
                use draft = first.Draft 2L
                draft.Commit [] |> ignore)
        ] do
        let error = Assert.Throws<DataException> act
        Assert.Contains("another run saves here now (process", error.Message)

    (use draft = first.Draft 2L
     draft.Discard())

    Assert.Equal<Map<string, byte[]>>(before, server.Objects |> Seq.map (fun o -> o.Key, o.Value) |> Map)
    save second keepAll 3L |> ignore
    Assert.Equal(3L, newestOf second)
    // Who only looks or tidies up asks nobody.
    (storeOf server).Remove 3L
    Assert.Equal(2L, newestOf second)

[<Fact>]
let ``a run that loses its place at any request of a save has committed it whole, or not at all`` () =
    let mutable committed, refused = 0, 0
    let mutable request = 0

    while committed < 2 do
        use server = new TestServer()
        let first = held server
        save first keepAll 1L |> ignore
        let left = ref request

        server.Fault <-
            fun _ ->
                if left.Value = 0 then
                    server.Objects["runs/one/.owner"] <- "another"B

                left.Value <- left.Value - 1
                None

        try
            save first keepAll 2L |> ignore
            committed <- committed + 1
            Assert.Equal(2L, newestOf (storeOf server))
        with :? DataException as error ->
            Assert.Contains("another run saves here now", error.Message)
            refused <- refused + 1
            Assert.Equal(1L, newestOf (storeOf server))

        Assert.InRange(request, 0, 100)
        request <- request + 1

    Assert.InRange(refused, 5, 100)
