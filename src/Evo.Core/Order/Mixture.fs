namespace Evo.Core

open System
open System.Globalization

/// One source of a mixture as a configuration writes it: "0.7 en", or "0.3 books=/data/b" where it has another name than its
/// path's last part.
type MixtureSource =
    {
        /// Share of the rows, beside the other sources' weights.
        Weight: decimal
        /// Name of the source in metrics.
        Name: string
        /// Folder or file.
        Path: string
    }

    /// Reads a weight, white space, and a path; none where the text says something else.
    static member TryParse(text: string) : MixtureSource option =
        match text.Trim().Split([| ' '; '\t' |], 2, StringSplitOptions.RemoveEmptyEntries) with
        | [| weight; source |] ->
            let number =
                Decimal.TryParse(weight, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture)

            let name, path =
                match source.Trim().Split('=', 2) with
                | [| name; path |] -> name.Trim(), path.Trim()
                | _ ->
                    let path = source.Trim()
                    path.TrimEnd('/').Split('/') |> Array.last, path

            match number with
            | true, weight when weight > 0m && name <> "" && path <> "" ->
                Some
                    {
                        Weight = weight
                        Name = name
                        Path = path
                    }
            | _ -> None
        | _ -> None

/// Which source each row of a run comes from, by whole weights, so that after any number of rows each source has given its
/// share to within one row: Tijdeman's solution of the chairman assignment problem (1980), whose error is at most
/// 1 - 1/(2k - 2) for k sources. The pattern repeats after as many rows as the weights sum up to, so any row is found in
/// O(1).
[<Sealed>]
type Mixture(weights: int64 array) =
    let weights =
        if weights.Length = 0 || weights |> Array.exists (fun weight -> weight < 1L) then
            raise (ArgumentException "a mixture needs sources, each with a weight above 0")

        let rec divisor a b = if b = 0L then a else divisor b (a % b)

        let common = weights |> Array.reduce divisor
        weights |> Array.map (fun weight -> weight / common)

    let period = Array.sum weights

    do
        if period > Mixture.LongestPeriod then
            raise (
                ArgumentException
                    $"the weights repeat after {period} rows only; use rounder ones, so that it is {Mixture.LongestPeriod} or fewer"
            )

    // The source of each row of a period, and how many rows that source has given before it.
    let sources, ordinals =
        let sources, ordinals =
            Array.zeroCreate<int>(int period), Array.zeroCreate<int>(int period)

        let given = Array.zeroCreate<int64> weights.Length
        let slack = int64 (max 1 (2 * weights.Length - 2))

        for row in 1L .. period do
            // Due are those that would otherwise fall too far behind their share; of them, the one whose deadline comes first.
            let mutable chosen = -1
            let mutable deadline = 0L

            for source in 0 .. weights.Length - 1 do
                let behind = weights[source] * row - period * given[source]

                if slack * behind >= period || weights.Length = 1 then
                    let left = (slack - 1L) * period - slack * behind

                    if chosen < 0 || left * weights[chosen] < deadline * weights[source] then
                        chosen <- source
                        deadline <- left

            sources[int row - 1] <- chosen
            ordinals[int row - 1] <- int given[chosen]
            given[chosen] <- given[chosen] + 1L

        sources, ordinals

    /// The mixture of weights as people write them, such as 0.7 and 0.3.
    static member Of(weights: decimal seq) : Mixture =
        let rec whole (weights: decimal list) =
            if weights |> List.forall (fun weight -> weight = Math.Truncate weight) then
                weights
            else
                whole (weights |> List.map (fun weight -> weight * 10m))

        let whole = whole (List.ofSeq weights)

        if List.sum whole > decimal Int64.MaxValue / 2m then
            raise (ArgumentException "the weights have too many digits; use rounder ones")

        Mixture(whole |> List.map int64 |> List.toArray)

    /// The longest pattern that is kept.
    static member LongestPeriod = 1L <<< 20

    /// The sources' weights, without a common divisor.
    member _.Weights = weights
    /// Rows after which the pattern repeats.
    member _.Period = period

    /// The source of a row of the mixture, and the row's number among those of its source.
    member _.At(row: int64) : struct (int * int64) =
        let period = int64 sources.Length
        let at = int (row % period)
        struct (sources[at], row / period * weights[sources[at]] + int64 ordinals[at])

    /// Rows that each source has given before a row.
    member mixture.Before(row: int64) : int64 array =
        let period = int64 sources.Length
        let counts = weights |> Array.map (fun weight -> row / period * weight)

        for at in 0 .. int (row % period) - 1 do
            counts[sources[at]] <- counts[sources[at]] + 1L

        counts
