namespace Evo.Core

open System
open System.Globalization
open System.Text

/// The last step of a run as Prometheus reads it: the text format 0.0.4 (prometheus.io, "Exposition formats").
[<RequireQualifiedAccess>]
module Prometheus =
    /// The type of what `text` gives, as an answer over HTTP names it.
    let contentType = "text/plain; version=0.0.4; charset=utf-8"

    // A metric's name takes letters, digits and underscores.
    let private named (metric: string) =
        "evo_"
        + String.map
            (fun letter ->
                if Char.IsAsciiLetterOrDigit letter then
                    Char.ToLowerInvariant letter
                else
                    '_')
            metric

    let private escaped (value: string) =
        value.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n")

    let private number (value: float) =
        if Double.IsNaN value then "NaN"
        elif Double.IsPositiveInfinity value then "+Inf"
        elif Double.IsNegativeInfinity value then "-Inf"
        else value.ToString("R", CultureInfo.InvariantCulture)

    // `loss/en` is the loss of the type en; other names with a slash are names.
    let private split (metric: string) =
        match metric.IndexOf '/' with
        | slash when slash > 0 && not (metric.StartsWith("tgs", StringComparison.Ordinal)) ->
            metric.Substring(0, slash) + "_by_type", Some(metric.Substring(slash + 1))
        | _ -> metric, None

    /// Every figure as a gauge with the run's name as label `job`; those of a type of document with `type`, too.
    /// `seconds` is when the step ended, from the epoch: what a rule about stalls compares with the clock.
    let text (jobName: string) (seconds: float) (metrics: (string * float) seq) : string =
        let lines = StringBuilder()

        let add (name: string) (values: (string option * float) seq) =
            lines.Append($"# TYPE {name} gauge\n") |> ignore

            for kind, value in values do
                let label =
                    kind
                    |> Option.map (fun kind -> $",type=\"{escaped kind}\"")
                    |> Option.defaultValue ""

                lines.Append($"{name}{{job=\"{escaped jobName}\"{label}}} {number value}\n")
                |> ignore

        add "evo_last_step_timestamp_seconds" [ None, seconds ]

        metrics
        // InternEvo logs the speed of the last step under two names.
        |> Seq.filter (fun (name, _) -> name <> "tgs (tokens/gpu/second)")
        |> Seq.map (fun (name, value) ->
            let metric, kind = split name
            named metric, (kind, value))
        |> Seq.groupBy fst
        |> Seq.iter (fun (name, values) -> add name (Seq.map snd values))

        lines.ToString()
