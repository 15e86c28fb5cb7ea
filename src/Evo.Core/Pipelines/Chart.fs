namespace Evo.Core

open System
open System.Globalization
open System.Text

/// Pictures of what ranks did when, simulated or measured: one line for each rank, time to the right.
module Chart =

    /// The computations, with times from the first beginning on.
    let private bars (steps: TimedStep seq) =
        let computed = steps |> Seq.filter _.Step.Computes |> Array.ofSeq

        if computed.Length = 0 then
            computed
        else
            let start = computed |> Array.map _.Begin |> Array.min

            computed
            |> Array.map (fun at ->
                { at with
                    Begin = at.Begin - start
                    End = at.End - start
                })

    let private span (bars: TimedStep array) =
        bars |> Array.fold (fun last bar -> max last bar.End) 0.0

    let private ranks (bars: TimedStep array) =
        bars |> Array.fold (fun most bar -> max most (bar.Rank + 1)) 0

    /// The time from the first beginning of a computation to the last end of one.
    let makespan (steps: TimedStep seq) : float = span (bars steps)

    /// The part of all ranks' time, from 0 to 1, between the first beginning and the last end, in which nothing is
    /// computed.
    let bubble (steps: TimedStep seq) : float =
        let bars = bars steps
        let whole = float (ranks bars) * span bars

        if whole > 0.0 then
            1.0 - (bars |> Array.sumBy (fun bar -> bar.End - bar.Begin)) / whole
        else
            0.0

    let private letter =
        function
        | Forward _ -> 'F'
        | BackwardWeight _ -> 'W'
        | _ -> 'B'

    let private hasChunks (bars: TimedStep array) =
        bars |> Array.exists (fun bar -> bar.Step.Chunk > 0)

    /// F12, and with several chunks a rank F12b.
    let private label chunks (step: Step) =
        let chunk = if chunks then string (char (int 'a' + step.Chunk)) else ""
        $"{letter step}{step.MicroBatch}{chunk}"

    /// One character: forwards 0 to 9, backwards a to j, weight halves A to J, by the micro-batch's last digit.
    let private mark (step: Step) =
        let digit = step.MicroBatch % 10

        match letter step with
        | 'F' -> char (int '0' + digit)
        | 'W' -> char (int 'A' + digit)
        | _ -> char (int 'a' + digit)

    let private longLegend chunks (bars: TimedStep array) =
        let weights = bars |> Array.exists (fun bar -> letter bar.Step = 'W')

        [
            "F3 forward of micro-batch 3"
            if weights then
                "B3 its backward, or the half for the input"
                "W3 the half for the weights"
            else
                "B3 its backward"
            if chunks then
                "a, b … the chunk"
            "- goes on"
            ". idle"
        ]
        |> String.concat ", "

    let private shortLegend (bars: TimedStep array) =
        let weights = bars |> Array.exists (fun bar -> letter bar.Step = 'W')

        [
            "by the last digit of the micro-batch: 0-9 forward"
            if weights then
                "a-j backward, or the half for the input"
                "A-J the half for the weights"
            else
                "a-j backward"
            ". idle"
        ]
        |> String.concat ", "

    /// How time becomes characters.
    type private Scale =
        {
            /// Whether each computation's name fits into it.
            Named: bool
            /// Characters for one unit of time.
            Characters: float
        }

    let private scaleFor (columns: int) chunks (bars: TimedStep array) =
        let shortest =
            bars
            |> Array.map (fun bar -> bar.End - bar.Begin)
            |> Array.filter (fun time -> time > 0.0)
            |> Array.fold min infinity

        let widest =
            bars |> Array.fold (fun most bar -> max most (label chunks bar.Step).Length) 1

        let fits (characters: int) =
            span bars / shortest * float characters <= float columns + 0.5

        let named = bars.Length > 0 && fits widest

        {
            Named = named
            Characters =
                if named then float widest / shortest
                elif fits 1 then 1.0 / shortest
                else float columns / span bars
        }

    /// One line for each rank.
    let private lines scale chunks (bars: TimedStep array) =
        let column time =
            int (Math.Round(time * scale.Characters: float))

        let width = if bars.Length = 0 then 0 else column (span bars)
        let lines = Array.init (ranks bars) (fun _ -> Array.create width '.')

        for bar in bars do
            let first, last = column bar.Begin, column bar.End - 1
            let name = label chunks bar.Step

            for at in first..last do
                lines[bar.Rank].[at] <-
                    if not scale.Named then mark bar.Step
                    elif at - first < name.Length then name[at - first]
                    else '-'

        let digits = (string (lines.Length - 1)).Length

        [
            for rank in 0 .. lines.Length - 1 do
                $"rank {(string rank).PadLeft digits} |{String lines[rank]}|"
        ]

    /// Draws several charts on one scale, so that what takes longer is drawn longer: the lines of each, and the legend of
    /// all. There are at most `columns` characters of time: with names where these fit, else with one character for the
    /// shortest computation, else as fine as the columns allow.
    let texts (columns: int) (charts: TimedStep seq list) : string list list * string =
        let charts = charts |> List.map bars
        let all = Array.concat charts
        let chunks = hasChunks all
        let scale = scaleFor columns chunks all

        charts |> List.map (lines scale chunks),
        (if scale.Named then
             longLegend chunks all
         else
             shortLegend all)

    /// One chart, as `texts` draws several. The last line is the legend.
    let text (columns: int) (steps: TimedStep seq) : string =
        let charts, legend = texts columns [ steps ]
        List.concat charts @ [ legend ] |> String.concat "\n"

    /// Charts as one picture for a page, each below its title (none where it is empty), on one scale that is `width`
    /// pixels wide.
    let svgs (width: int) (charts: (string * TimedStep seq) list) : string =
        let charts = charts |> List.map (fun (title, steps) -> title, bars steps)
        let all = charts |> List.map snd |> Array.concat
        let chunks = hasChunks all
        let scale = if all.Length = 0 then 1.0 else float width / span all
        let left, row = 60, 24

        let rowsOf (title, bars) =
            ranks bars + (if title = "" then 0 else 1)

        let number (value: float) =
            value.ToString("0.##", CultureInfo.InvariantCulture)

        let fill =
            function
            | 'F' -> "#8ecae6"
            | 'W' -> "#b7d7a8"
            | _ -> "#ffb703"

        let text = StringBuilder()

        let say (line: string) =
            text.Append(line).Append('\n') |> ignore

        /// A chart whose first rank stands `top` pixels below the picture's top.
        let draw top (bars: TimedStep array) =
            for rank in 0 .. ranks bars - 1 do
                say $"<text x=\"0\" y=\"{top + rank * row + 15}\">rank {rank}</text>"

            for bar in bars do
                let x, wide = float left + bar.Begin * scale, (bar.End - bar.Begin) * scale
                let name = label chunks bar.Step

                say
                    $"<rect x=\"{number x}\" y=\"{top + bar.Rank * row + 2}\" width=\"{number wide}\" height=\"{row - 4}\" fill=\"{fill (letter bar.Step)}\" stroke=\"white\"><title>rank {bar.Rank}, {bar.Step}: {number bar.Begin} to {number bar.End}</title></rect>"

                if wide >= 7.0 * float name.Length then
                    say $"<text x=\"{number (x + 3.0)}\" y=\"{top + bar.Rank * row + 16}\">{name}</text>"

        say
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{left + width}\" height=\"{row * List.sumBy rowsOf charts}\" font-family=\"monospace\" font-size=\"11\">"

        (0, charts)
        ||> List.fold (fun top (title, bars) ->
            if title <> "" then
                say $"<text x=\"0\" y=\"{top + 15}\">{title}</text>"

            let below = top + row * rowsOf (title, bars)
            draw (below - row * ranks bars) bars
            below)
        |> ignore

        say "</svg>"
        text.ToString()

    /// One chart as a picture.
    let svg (width: int) (steps: TimedStep seq) : string = svgs width [ "", steps ]
