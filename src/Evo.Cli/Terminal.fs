/// What a person sees, and what a program reads: results go to standard output, everything about the way there to
/// standard error.
module Evo.Cli.Terminal

open System
open System.IO

/// Whether standard output is a terminal that can redraw lines.
let live =
    lazy
        (not Console.IsOutputRedirected
         && Environment.GetEnvironmentVariable "TERM" <> "dumb"
         && Environment.GetEnvironmentVariable "CI" |> String.IsNullOrEmpty)

/// A line of the result. Whoever reads through a pipe gets it at once.
let say (text: string) =
    Console.Out.WriteLine text
    Console.Out.Flush()

/// A line about the way there: progress, warnings, mistakes.
let tell (text: string) = Console.Error.WriteLine text

/// 12_345_678 as "12.3 M".
let count (value: int64) =
    let value = float value

    if value < 1e4 then string (int64 value)
    elif value < 1e6 then (value / 1e3).ToString "0.0" + " k"
    elif value < 1e9 then (value / 1e6).ToString "0.0" + " M"
    else (value / 1e9).ToString "0.00" + " G"

/// Bytes as "12.3 MB", in powers of ten as disks are sold.
let bytes (value: int64) =
    let value = float value

    if value < 1e3 then $"{int64 value} bytes"
    elif value < 1e6 then (value / 1e3).ToString "0.0" + " kB"
    elif value < 1e9 then (value / 1e6).ToString "0.0" + " MB"
    else (value / 1e9).ToString "0.00" + " GB"

/// Seconds as "3.2 s", "2 min 05 s" or "1 h 12 min".
let duration (seconds: float) =
    if not (Double.IsFinite seconds) then
        "?"
    elif seconds < 60.0 then
        seconds.ToString "0.0" + " s"
    else
        let whole = int64 (Math.Round seconds)

        if whole < 3600L then
            $"{whole / 60L} min {whole % 60L:D2} s"
        else
            $"{whole / 3600L} h {whole % 3600L / 60L:D2} min"

/// Columns of text, padded to the widest entry of each; numbers are right-aligned by giving their column's number.
let table (rightAligned: int Set) (rows: string list list) =
    let columns = rows |> List.map List.length |> List.fold max 0

    let width column =
        rows
        |> List.choose (List.tryItem column)
        |> List.map String.length
        |> List.fold max 0

    let widths = List.init columns width

    [
        for row in rows ->
            row
            |> List.mapi (fun column cell ->
                if rightAligned.Contains column then
                    cell.PadLeft widths[column]
                else
                    cell.PadRight widths[column])
            |> String.concat "  "
            |> _.TrimEnd()
    ]

/// Writes text to a file whole, or says why it cannot.
let writeFile (path: string) (text: string) =
    match Path.GetDirectoryName path with
    | null
    | "" -> ()
    | folder -> Directory.CreateDirectory folder |> ignore

    File.WriteAllText(path, text)
