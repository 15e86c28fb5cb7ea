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

    /// Draws computations with at most `columns` characters of time: with names where these fit, else with one character
    /// for the shortest computation, else as fine as the columns allow. The last line is the legend.
    let text (columns: int) (steps: TimedStep seq) : string =
        let bars = bars steps
        let chunks = hasChunks bars

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

        // Characters for one unit of time.
        let scale =
            if named then float widest / shortest
            elif fits 1 then 1.0 / shortest
            else float columns / span bars

        let column time = int (Math.Round(time * scale: float))
        let width = if bars.Length = 0 then 0 else column (span bars)
        let lines = Array.init (ranks bars) (fun _ -> Array.create width '.')

        for bar in bars do
            let first, last = column bar.Begin, column bar.End - 1
            let name = label chunks bar.Step

            for at in first..last do
                lines[bar.Rank].[at] <-
                    if not named then mark bar.Step
                    elif at - first < name.Length then name[at - first]
                    else '-'

        let digits = (string (lines.Length - 1)).Length

        [
            for rank in 0 .. lines.Length - 1 do
                $"rank {(string rank).PadLeft digits} |{String lines[rank]}|"
            if named then longLegend chunks bars else shortLegend bars
        ]
        |> String.concat "\n"

    /// The same as a picture for a page, `width` pixels of time wide.
    let svg (width: int) (steps: TimedStep seq) : string =
        let bars = bars steps
        let chunks = hasChunks bars
        let scale = if bars.Length = 0 then 1.0 else float width / span bars
        let left, row = 60, 24

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

        say
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{left + width}\" height=\"{row * ranks bars}\" font-family=\"monospace\" font-size=\"11\">"

        for rank in 0 .. ranks bars - 1 do
            say $"<text x=\"0\" y=\"{rank * row + 15}\">rank {rank}</text>"

        for bar in bars do
            let x, wide = float left + bar.Begin * scale, (bar.End - bar.Begin) * scale
            let name = label chunks bar.Step

            say
                $"<rect x=\"{number x}\" y=\"{bar.Rank * row + 2}\" width=\"{number wide}\" height=\"{row - 4}\" fill=\"{fill (letter bar.Step)}\" stroke=\"white\"><title>rank {bar.Rank}, {bar.Step}: {number bar.Begin} to {number bar.End}</title></rect>"

            if wide >= 7.0 * float name.Length then
                say $"<text x=\"{number (x + 3.0)}\" y=\"{bar.Rank * row + 16}\">{name}</text>"

        say "</svg>"
        text.ToString()
