namespace Evo.Core

open System
open System.Collections.Generic

/// Something in a run that somebody should hear of, wherever they are.
[<RequireQualifiedAccess>]
type Alert =
    /// Steps without an update begin: the first of them, and what was not finite.
    | NotFinite of step: int64 * parameter: string * found: string
    /// The loss of a step is much above that of the step before.
    | Spike of step: int64 * loss: float * before: float
    /// No step has ended for so many seconds, since this one.
    | Stall of step: int64 * seconds: float
    /// A step has ended after a stall of so many seconds.
    | GoesOn of step: int64 * seconds: float
    /// The run has ended by an error after this step.
    | Failure of step: int64 * message: string

    /// The alert's kind, as a program tells it from others.
    member alert.Kind =
        match alert with
        | NotFinite _ -> "not_finite"
        | Spike _ -> "spike"
        | Stall _ -> "stall"
        | GoesOn _ -> "goes_on"
        | Failure _ -> "failure"

    /// The step that it is about.
    member alert.Step =
        match alert with
        | NotFinite(step, _, _)
        | Spike(step, _, _)
        | Stall(step, _)
        | GoesOn(step, _)
        | Failure(step, _) -> step

    /// One line for a person.
    member alert.Text =
        let number (value: float) = Json.number (Math.Round(value, 4))

        match alert with
        | NotFinite(step, parameter, found) -> $"step {step} was skipped: {parameter} holds {found}"
        | Spike(step, loss, before) -> $"the loss of step {step} is {number loss}, after {number before}"
        | Stall(step, seconds) -> $"no step has ended for {number seconds} s, since step {step}"
        | GoesOn(step, seconds) -> $"step {step} has ended, after {number seconds} s"
        | Failure(step, message) -> $"the run has failed after step {step}: {message}"

/// When to alert.
type AlertRules =
    {
        /// A loss above so many times the one before is a spike.
        SpikeRatio: float
        /// So many seconds without the end of a step are a stall.
        StallSeconds: float
    }

/// What has been seen of a run, and which alerts that gives: a pure rule. Times are seconds of one clock that never goes back.
type AlertWatch =
    private
        {
            Rules: AlertRules
            /// The step that ended last, when that was, and its loss.
            Step: int64
            At: float
            Loss: float option
            /// Whether the last step was skipped.
            Skipping: bool
            /// Whether the stall that is going on has been told.
            Told: bool
        }

    /// A run that begins, or goes on, after a step.
    static member Begin(rules: AlertRules, step: int64, now: float) =
        {
            Rules = rules
            Step = step
            At = now
            Loss = None
            Skipping = false
            Told = false
        }

    /// The step that ended last.
    member watch.LastStep = watch.Step

    member private watch.Ended(step, now) =
        let alerts =
            if watch.Told then
                [ Alert.GoesOn(step, now - watch.At) ]
            else
                []

        { watch with
            Step = step
            At = now
            Told = false
        },
        alerts

    /// A step has ended with an update.
    member watch.Updated(step: int64, loss: float, now: float) : struct (AlertWatch * IReadOnlyList<Alert>) =
        let next, alerts = watch.Ended(step, now)

        let spike =
            match watch.Loss with
            | Some before when loss > watch.Rules.SpikeRatio * before -> [ Alert.Spike(step, loss, before) ]
            | _ -> []

        struct ({ next with
                    Loss = Some loss
                    Skipping = false
                },
                alerts @ spike)

    /// A step has ended without an update, because something was not finite. Told once for steps in a row.
    member watch.Skipped
        (step: int64, parameter: string, found: string, now: float)
        : struct (AlertWatch * IReadOnlyList<Alert>) =
        let next, alerts = watch.Ended(step, now)

        let first =
            if watch.Skipping then
                []
            else
                [ Alert.NotFinite(step, parameter, found) ]

        struct ({ next with Skipping = true }, alerts @ first)

    /// Time has passed. A stall is told once.
    member watch.Waited(now: float) : struct (AlertWatch * IReadOnlyList<Alert>) =
        if not watch.Told && now - watch.At > watch.Rules.StallSeconds then
            struct ({ watch with Told = true }, [ Alert.Stall(watch.Step, now - watch.At) ])
        else
            struct (watch, [])
