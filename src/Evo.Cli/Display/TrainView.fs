/// What a person sees of a training run: a value that grows with the trainer's events, shown as lines or as one picture.
module Evo.Cli.TrainView

open System
open Evo.Core
open Evo.Parallel
open Spectre.Console
open Spectre.Console.Rendering

/// What has happened so far, as far as it is shown.
type View =
    {
        /// Batches of the whole run.
        TotalSteps: int64
        /// What stands above the table, in the order in which it happened.
        Notes: string list
        /// The work under way that has no steps yet, with its fraction done.
        Preparing: (string * float) option
        /// The newest reports, newest first.
        Reports: StepReport list
        /// Held-out losses by step, newest first.
        Validations: (int64 * float) list
    }

let start (run: RunConfig) =
    {
        TotalSteps = run.Data.TotalSteps
        Notes = []
        Preparing = None
        Reports = []
        Validations = []
    }

/// Reports kept for the picture.
let private shown = 10

let private stepName step =
    match step with
    | PreparationStep.Extract -> "extracting text"
    | PreparationStep.TrainTokenizer -> "training the tokenizer"
    | _ -> "tokenizing"

/// Seconds to the end at the present speed.
let secondsLeft (view: View) (report: StepReport) =
    // Figures are per rank: by its own share of the step, a rank's speed says how long a step takes.
    let speed, last = report.Throughput.TgsSma, report.Throughput.LastTgs1

    if speed > 0.0 then
        float (view.TotalSteps - report.Batch) * report.StepSeconds * last / speed
    else
        nan

let private number (digits: int) (value: float) =
    value.ToString($"F{digits}", Globalization.CultureInfo.InvariantCulture)

let private exponent (value: float) =
    value.ToString("0.00e+0", Globalization.CultureInfo.InvariantCulture)

/// Name and text of the figures that are shown of each step.
let private figures (view: View) (report: StepReport) =
    [
        "step", $"{report.Batch}/{view.TotalSteps}"
        "loss", number 4 report.Loss
        "lr", exponent report.Lr
        "grad_norm", number 3 report.GradNorm
        "tgs", number 0 report.Throughput.LastTgs1
        "tflops", number 3 report.Tflops
        "tokens", Terminal.count report.ConsumedTokens
        "left", Terminal.duration (secondsLeft view report)
    ]

/// One plain line for a step.
let stepLine (view: View) (report: StepReport) =
    figures view report
    |> List.map (fun (name, value) -> $"{name} {value}")
    |> String.concat "  "

/// What ranks hold by kind, beside what was predicted; kinds that there are none of are left out.
let private memory (measured: TrainEvent.MemoryMeasured) =
    let several = measured.Ranks > 1

    let row (kind: string) (first: int64) (largest: int64) (predicted: int64) =
        [
            kind
            Terminal.bytes first
            if several then
                Terminal.bytes largest
            Terminal.bytes predicted
        ]

    let rows =
        [
            for (struct (kind, first), struct (_, largest)), struct (_, predicted) in
                Seq.zip (Seq.zip measured.First.Kinds measured.Largest.Kinds) measured.Predicted.Kinds do
                if max largest predicted > 0L then
                    row kind first largest predicted
            row "all" measured.First.Total measured.Largest.Total measured.Predicted.Total
        ]

    let header =
        [
            "memory"
            if several then
                "rank 0"
                "largest of a rank"
            else
                "measured"
            "predicted"
        ]

    Terminal.table (Set.ofList [ 1; 2; 3 ]) (header :: rows)

/// The lines that an event adds to a log; none for steps between two shown ones.
let lines (logEvery: int64) (view: View) (event: TrainEvent) : string list =
    match event with
    | :? TrainEvent.Preparing as e ->
        match e.Progress with
        | :? PreparationEvent.Started as p -> [ $"{stepName p.Step}: {p.What}" ]
        | :? PreparationEvent.Finished as p ->
            [ $"{stepName p.Step}: {p.Result} in {Terminal.duration p.Seconds}" ]
        | _ -> []
    | :? TrainEvent.ModelBuilt as e ->
        [ $"model: {e.Family}, {Terminal.count e.Parameters} parameters, {e.Dtype}" ]
    | :? TrainEvent.RecomputeChosen as e -> RecomputeView.lines e.Plan
    | :? TrainEvent.DataOpened as e ->
        [
            if e.Rows = 0L then
                $"data: {e.Folder}, tokenized while it is read"
            else
                $"data: {e.Folder}, {Terminal.count e.Tokens} tokens in {e.Rows} rows; it repeats after {e.StepsPerEpoch} steps"
            if e.Padding > 0.0005 then
                $"padding: {e.Padding:P1} of the rows"
            if e.ValidRows > 0L then
                $"held out: {e.ValidRows} rows"
        ]
    | :? TrainEvent.Resumed as e -> [ $"resumed after step {e.Step} from {e.Folder}" ]
    | :? TrainEvent.CheckpointRefused as e -> [ $"checkpoint {e.Folder} was not taken: {e.Reason}" ]
    | :? TrainEvent.StepDone as e ->
        [
            if
                e.Report.Batch % logEvery = 0L
                || e.Report.Batch = view.TotalSteps
                || e.Report.Batch = 1L
            then
                stepLine view e.Report
        ]
    | :? TrainEvent.MemoryMeasured as e -> memory e
    | :? TrainEvent.StepSkipped as e ->
        [
            $"step {e.Step} was skipped: the gradient of {e.Parameter} is {e.Found} ({e.SkippedSoFar} skipped so far)"
        ]
    | :? TrainEvent.Validated as e ->
        [
            $"validation after step {e.Step}: loss {number 4 e.Loss} over {e.Tokens} tokens in {Terminal.duration e.Seconds}"
        ]
    | :? TrainEvent.CheckpointSaved as e ->
        [
            $"checkpoint after step {e.Step}: {e.Folder}, {Terminal.bytes e.Bytes} in {Terminal.duration e.Seconds}"
        ]
    | :? TrainEvent.Baselines as e ->
        [
            $"n-gram models of the same tokens: bigram {number 4 e.Bigram}, interpolated trigram {number 4 e.Trigram}"
        ]
    | :? TrainEvent.Stopping as e -> [ $"stopping after step {e.Step}; press Ctrl-C again to leave at once" ]
    | :? TrainEvent.Warning as e -> [ $"warning: {e.Message}" ]
    | _ -> []

/// The view after an event.
let update (event: TrainEvent) (view: View) : View =
    match event with
    | :? TrainEvent.StepDone as e ->
        { view with
            Preparing = None
            Reports = e.Report :: view.Reports |> List.truncate shown
        }
    | :? TrainEvent.Validated as e ->
        { view with
            Preparing = None
            Validations = (e.Step, e.Loss) :: view.Validations |> List.truncate 3
        }
    | :? TrainEvent.Preparing as e ->
        let view =
            match e.Progress with
            | :? PreparationEvent.Started as p ->
                { view with
                    Preparing = Some(stepName p.Step, 0.0)
                }
            | :? PreparationEvent.Progress as p ->
                { view with
                    Preparing = Some(stepName p.Step, p.Fraction)
                }
            | _ -> { view with Preparing = None }

        { view with
            Notes = view.Notes @ lines 1L view event
        }
    | _ ->
        { view with
            Notes = view.Notes @ lines 1L view event
        }

let private bar (fraction: float) =
    let width = 40
    let full = int (Math.Round(fraction * float width))
    String('━', full) + String('─', width - full)

let private table (view: View) : IRenderable =
    let table = Table().RoundedBorder()

    match view.Reports with
    | [] -> ()
    | newest :: _ ->
        for name, _ in figures view newest do
            table.AddColumn(TableColumn(name).RightAligned()) |> ignore

        for report in List.rev view.Reports do
            table.AddRow(figures view report |> List.map (snd >> Markup.Escape) |> Array.ofList)
            |> ignore

    table

/// The whole picture, at most as tall as a small terminal.
let render (view: View) : IRenderable =
    let rows = ResizeArray<IRenderable>()

    for note in view.Notes |> List.rev |> List.truncate 8 |> List.rev do
        rows.Add(Text note)

    match view.Preparing with
    | Some(what, fraction) -> rows.Add(Text $"{what}  {bar fraction} {100.0 * fraction:F0} %%")
    | None -> ()

    match view.Reports with
    | [] -> ()
    | newest :: _ ->
        rows.Add(table view)
        let done' = float newest.Batch / float (max 1L view.TotalSteps)

        rows.Add(
            Text $"{bar done'} {100.0 * done':F0} %%  {Terminal.duration (secondsLeft view newest)} left"
        )

    match view.Validations with
    | [] -> ()
    | validations ->
        let text =
            List.rev validations
            |> List.map (fun (step, loss) -> $"step {step}: {number 4 loss}")
            |> String.concat ", "

        rows.Add(Text $"held-out loss  {text}")

    Rows rows

/// What stays when the run has ended.
let summary (result: RunResult) (seconds: float) =
    let loss (value: Nullable<float>) =
        if value.HasValue then number 4 value.Value else "-"

    [
        match result.End with
        | RunEnd.Completed ->
            $"done: {result.Step} steps, {result.Updates} updates, {Terminal.duration seconds}"
        | _ when isNull result.Checkpoint ->
            $"stopped after step {result.Step}; nothing was saved: ckpt.enable_save_ckpt is false"
        | _ -> $"stopped after step {result.Step}; the same command continues"
        if result.LastValidLoss.HasValue then
            yield!
                Terminal.table
                    (Set.ofList [ 1; 2; 3; 4 ])
                    [
                        [ "held-out loss, nats per token"; "before"; "after"; "bigram"; "trigram" ]
                        [
                            ""
                            loss result.FirstValidLoss
                            loss result.LastValidLoss
                            loss result.BigramLoss
                            loss result.TrigramLoss
                        ]
                    ]
        match result.Checkpoint with
        | null -> ()
        | checkpoint -> $"checkpoint: {checkpoint}"
    ]
