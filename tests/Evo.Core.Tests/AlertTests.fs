/// When a run alerts: once for each thing that goes wrong, and not for what does not.
module Evo.Core.Tests.AlertTests

open System
open Evo.Core
open FsCheck
open FsCheck.FSharp
open Xunit

type private Happening =
    | Updated of loss: float
    | Skipped
    | Waits

let private rules =
    {
        SpikeRatio = 1.5
        StallSeconds = 300.0
    }

/// What happens, each so many seconds after the one before.
let private histories: Gen<(float * Happening) list> =
    let happening =
        Gen.frequency
            [
                6, Gen.choose (1, 400) |> Gen.map (fun loss -> Updated(float loss / 100.0))
                1, Gen.constant Skipped
                3, Gen.constant Waits
            ]

    let seconds =
        Gen.frequency [ 5, Gen.choose (1, 30); 2, Gen.choose (200, 700) ]
        |> Gen.map float

    Gen.listOf (Gen.zip seconds happening)

/// Plays a history; gives step, time and alerts of each happening.
let private play history =
    let mutable watch, now, step = AlertWatch.Begin(rules, 0L, 0.0), 0.0, 0L

    [
        for seconds, happening in history do
            now <- now + seconds

            let struct (next, alerts) =
                match happening with
                | Updated loss ->
                    step <- step + 1L
                    watch.Updated(step, loss, now)
                | Skipped ->
                    step <- step + 1L
                    watch.Skipped(step, "layers.3.w", "nan", now)
                | Waits -> watch.Waited now

            watch <- next
            happening, step, now, List.ofSeq alerts
    ]

let private check (law: (float * Happening) list -> bool) =
    Check.One(Config.QuickThrowOnFailure.WithMaxTest 300, Prop.forAll (Arb.fromGen histories) law)

[<Fact>]
let ``a spike is told exactly where a loss is above the ratio times the last one that had an update`` () =
    check (fun history ->
        let losses =
            play history
            |> List.choose (function
                | Updated loss, step, _, alerts ->
                    let told =
                        alerts
                        |> List.exists (function
                            | Alert.Spike(at, found, _) -> at = step && found = loss
                            | _ -> false)

                    Some(loss, told)
                | _ -> None)

        losses
        |> List.indexed
        |> List.forall (fun (i, (loss, told)) -> told = (i > 0 && loss > 1.5 * fst losses[i - 1])))

[<Fact>]
let ``steps in a row without an update are told once`` () =
    check (fun history ->
        let ends =
            play history |> List.filter (fun (happening, _, _, _) -> happening <> Waits)

        ends
        |> List.indexed
        |> List.forall (fun (i, (happening, step, _, alerts)) ->
            let first =
                happening = Skipped
                && (i = 0 || (let before, _, _, _ = ends[i - 1] in before <> Skipped))

            List.contains (Alert.NotFinite(step, "layers.3.w", "nan")) alerts = first))

[<Fact>]
let ``a stall is told once, when somebody looks after so many seconds without a step, and its end is told where it was``
    ()
    =
    check (fun history ->
        let mutable lastEnd, told = 0.0, false

        play history
        |> List.forall (fun (happening, step, now, alerts) ->
            let stall =
                alerts
                |> List.tryPick (function
                    | Alert.Stall(at, seconds) -> Some(at, seconds)
                    | _ -> None)

            let goesOn =
                alerts
                |> List.tryPick (function
                    | Alert.GoesOn(at, seconds) -> Some(at, seconds)
                    | _ -> None)

            match happening with
            | Waits ->
                let expected = not told && now - lastEnd > 300.0
                told <- told || expected
                goesOn = None && stall = (if expected then Some(step, now - lastEnd) else None)
            | _ ->
                let expected = if told then Some(step, now - lastEnd) else None
                lastEnd <- now
                told <- false
                stall = None && goesOn = expected))

[<Fact>]
let ``an alert says what happened on one line`` () =
    for alert, kind, words in
        [
            Alert.NotFinite(7L, "layers.3.w", "nan"), "not_finite", "step 7 was skipped: layers.3.w holds nan"
            Alert.Spike(7L, 4.5, 2.25), "spike", "the loss of step 7 is 4.5, after 2.25"
            Alert.Stall(7L, 300.5), "stall", "no step has ended for 300.5 s, since step 7"
            Alert.GoesOn(8L, 400.0), "goes_on", "step 8 has ended, after 400 s"
            Alert.Failure(7L, "the disk is full"),
            "failure",
            "the run has failed after step 7: the disk is full"
        ] do
        Assert.Equal(kind, alert.Kind)
        Assert.StartsWith(words, alert.Text)
        Assert.DoesNotContain("\n", alert.Text)
