/// What a step spends its time on: every moment of a thread belongs to one call, or to the host.
module Evo.Core.Tests.StepProfiles

open System
open Evo.Core
open FsCheck
open FsCheck.FSharp
open Xunit

let private call name thread start finish operations bytes waits : ProfiledCall =
    {
        Name = name
        Thread = thread
        Begin = start
        End = finish
        Operations = operations
        Bytes = bytes
        Waits = waits
    }

let private profile seconds (calls: ProfiledCall list) : StepProfile =
    {
        Step = 3L
        Seconds = seconds
        Calls = calls
        Reads = 2L
        Ceilings = { Operations = 1e9; Bytes = 1e9 }
    }

let private example =
    profile
        10.0
        [
            call "aten::addmm" 0 1.5 2.5 500_000_000L 0L false
            call "evo::linear" 0 1.0 3.0 500_000_000L 4_000_000L false
            call "evo::rms_norm" 0 3.0 4.0 0L 250_000_000L false
            call "Attention backward" 0 4.0 6.0 1_000_000_000L 0L false
            call "AllReduce over data" 0 7.0 9.0 0L 0L true
            call "aten::copy_" 0 7.5 8.0 0L 100_000_000L false
        ]

[<Fact>]
let ``the time of inner calls is theirs, and what no operator takes is the host's`` () =
    let seconds =
        Map
            [
                for row in example.Kinds -> row.Kind, (Math.Round(row.Seconds, 9), row.Calls)
            ]

    Assert.Equal((1.0, 1), seconds[Products])
    Assert.Equal((2.0, 1), seconds[Attention])
    Assert.Equal((1.5, 1), seconds[Communication])
    // The norm, the copy inside the wait, and what linear does around its product.
    Assert.Equal((2.5, 3), seconds[Memory])
    Assert.Equal((3.0, 0), seconds[Host])
    let norm = example.Operators |> List.find (fun row -> row.Name = "evo::rms_norm")
    Assert.Equal(0.75, (norm.Gap example.Ceilings).Value, 9)

    let product = example.Operators |> List.find (fun row -> row.Name = "aten::addmm")

    Assert.Equal(0.5, (product.Gap example.Ceilings).Value, 9)

/// Calls that lie inside one another on some threads, in a drawn order.
let private drawn =
    let rec within thread depth (start: int) (finish: int) : Gen<ProfiledCall list> =
        gen {
            if depth = 0 || finish - start < 2 then
                return []
            else
                let! first = Gen.choose (start, finish - 1)
                let! last = Gen.choose (first, finish)
                let! operations = Gen.elements [ 0L; 1_000L ]
                let! waits = Gen.elements [ false; false; true ]
                let! inside = within thread (depth - 1) first last
                let! before = within thread (depth - 1) start first
                let! after = within thread (depth - 1) last finish
                let inner = inside |> List.sumBy _.Operations

                let own =
                    call $"op{depth}" thread (float first) (float last) (inner + operations) 0L waits

                return before @ [ own ] @ inside @ after
        }

    gen {
        let! threads = Gen.choose (1, 3)

        let! calls =
            [ for thread in 1..threads -> within thread 4 0 1000 ] |> Gen.sequenceToList

        return! Gen.shuffle (List.concat calls |> Array.ofList)
    }

[<Fact>]
let ``times of all calls add up to those of the outermost, and with the host's to the step's where there is one thread``
    ()
    =
    let holds (calls: ProfiledCall array) =
        let profile = profile 1000.0 (List.ofArray calls)
        let sum (rows: ProfileRow list) = rows |> List.sumBy _.Seconds
        let operations (rows: ProfileRow list) = rows |> List.sumBy _.Operations
        let kinds = profile.Kinds |> List.filter (fun row -> row.Kind <> Host)
        Assert.Equal(sum profile.Operators, sum kinds, 6)
        Assert.Equal(operations profile.Operators, operations kinds)
        Assert.Equal(calls.Length, profile.Operators |> List.sumBy _.Calls)

        if calls |> Array.forall (fun call -> call.Thread = 1) then
            Assert.Equal(1000.0, sum profile.Kinds, 6)

    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll (Arb.fromGen drawn) holds)

[<Fact>]
let ``the trace is one that Chrome reads`` () =
    use page = Text.Json.JsonDocument.Parse(example.ToChromeTrace 2)

    let events =
        [
            for event in page.RootElement.GetProperty("traceEvents").EnumerateArray() -> event
        ]

    Assert.Equal(1 + example.Calls.Count, events.Length)

    for event in events do
        Assert.Equal("X", event.GetProperty("ph").GetString())
        Assert.Equal(2, event.GetProperty("pid").GetInt32())

    let wait =
        events
        |> List.find (fun event -> event.GetProperty("name").GetString() = "AllReduce over data")

    Assert.Equal("communication", wait.GetProperty("cat").GetString())
    Assert.Equal(7e6, wait.GetProperty("ts").GetDouble())
    Assert.Equal(2e6, wait.GetProperty("dur").GetDouble())
