namespace Evo.Core

open System
open System.Globalization

/// The file of a pipeline's measured step.
module MeasuredPipelineFile =

    /// Its name in the folder of a run.
    let name = "pipeline.json"

    exception private Refused of Problem

    /// Indented JSON, with a newline at the end.
    let write (measured: MeasuredPipeline) : string =
        let whole (value: int64) = Json.make (JNumber(string value))
        let shape = measured.Shape

        let json =
            Json.makeObject
                [
                    "step", whole measured.Step
                    "kind", Json.make (JString(string shape.Kind))
                    "stages", whole shape.Stages
                    "micro_batches", whole shape.MicroBatches
                    "chunks", whole shape.Chunks
                    "apart", Json.make (JNumber(Json.number measured.Apart))
                    "ranks",
                    Json.make (
                        JArray
                            [
                                for stage in 0 .. shape.Stages - 1 ->
                                    Json.makeObject
                                        [
                                            "stage", whole stage
                                            "steps", StepJson.ofRank stage measured.Steps
                                        ]
                            ]
                    )
                ]

        Json.render json + "\n"

    let private refuse (at: Json) path found rule : 'a =
        raise (
            Refused
                {
                    Place = at.At
                    Path = path
                    Found = found
                    Rule = rule
                    Hint = ""
                }
        )

    let private find path name (json: Json) =
        match Json.tryFind name json with
        | Some value -> value
        | None ->
            refuse json path "" $"\"{name}\" is missing: this is not what evo train --profile pipeline wrote"

    let private text name json =
        match find "" name json with
        | { Value = JString value } -> value
        | other -> refuse other name (Json.compact other) "must be a text"

    let private whole name json =
        let value = find "" name json

        match value.Value with
        | JNumber digits ->
            match Int64.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) with
            | true, number when number >= 0L && number <= int64 Int32.MaxValue -> number
            | _ -> refuse value name digits "must be a whole number of 0 or more"
        | _ -> refuse value name (Json.compact value) "must be a whole number"

    let private seconds path name json =
        let value = find path name json

        match value.Value with
        | JNumber digits ->
            match Double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture) with
            | time when time >= 0.0 && Double.IsFinite time -> time
            | _ -> refuse value (path + name) digits "must be seconds, 0 or more"
        | _ -> refuse value (path + name) (Json.compact value) "must be seconds"

    let private list path name json =
        match find path name json with
        | { Value = JArray items } -> items
        | other -> refuse other (path + name) "" "must be a list"

    let private shapeOf json =
        let chunks = int (whole "chunks" json)
        let kind = text "kind" json

        let shape =
            {
                Kind =
                    ScheduleKind.Named(kind, chunks)
                    |> Option.defaultWith (fun () ->
                        refuse (find "" "kind" json) "kind" kind "must be 1F1B, interleaved, ZBH1 or ZBV")
                Stages = int (whole "stages" json)
                MicroBatches = int (whole "micro_batches" json)
                Chunks = chunks
            }

        match shape.Problems with
        | [] -> shape
        | problem :: _ -> refuse json "" "" problem

    /// The times of one rank, which must have done what the schedule says, all of it and in its order.
    let private timesOf (schedule: Schedule) stage (rank: Json) =
        let path = $"ranks[{stage}]."
        let steps = list path "steps" rank
        let expected = schedule.StepsOf stage

        if steps.Length <> expected.Count then
            refuse
                rank
                (path + "steps")
                $"{steps.Length} steps"
                $"rank {stage} of this schedule has {expected.Count}"

        [|
            for place, (step, json) in List.indexed (List.zip (List.ofSeq expected) steps) do
                let path = $"ranks[{stage}].steps[{place}]."

                for name, value in StepJson.members step do
                    if Json.forgetPlaces (find path name json) <> value then
                        refuse json (path + name) (Json.compact (find path name json)) $"must be the {step}"

                let first, last = seconds path "begin" json, seconds path "end" json

                if last < first then
                    refuse json (path + "end") (Json.number last) "lies before its beginning"

                first
                last
        |]

    /// Reads what `write` wrote; `source` is the name by which a problem calls it.
    let read (source: string) (text: string) : Result<MeasuredPipeline, Problem> =
        Json.parse source text
        |> Result.bind (fun json ->
            try
                let shape = shapeOf json
                let ranks = list "" "ranks" json

                if ranks.Length <> shape.Stages then
                    refuse
                        json
                        "ranks"
                        $"{ranks.Length} ranks"
                        $"a pipeline of {shape.Stages} stages has as many"

                let schedule = MeasuredPipeline.ScheduleOf shape

                Ok(
                    MeasuredPipeline.OfTimes(
                        whole "step" json,
                        shape,
                        seconds "" "apart" json,
                        ranks |> List.mapi (timesOf schedule) |> Array.concat
                    )
                )
            with Refused problem ->
                Error problem)
