namespace Evo.Core

open System

/// The nearest known word to one that a person mistyped.
module Nearest =

    /// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours count one each.
    let distance (a: string) (b: string) =
        let table = Array2D.zeroCreate (a.Length + 1) (b.Length + 1)

        for i in 0 .. a.Length do
            table[i, 0] <- i

        for j in 0 .. b.Length do
            table[0, j] <- j

        for i in 1 .. a.Length do
            for j in 1 .. b.Length do
                let substitution = if a[i - 1] = b[j - 1] then 0 else 1

                let best =
                    min (min (table[i - 1, j] + 1) (table[i, j - 1] + 1)) (table[i - 1, j - 1] + substitution)

                table[i, j] <-
                    if i > 1 && j > 1 && a[i - 1] = b[j - 2] && a[i - 2] = b[j - 1] then
                        min best (table[i - 2, j - 2] + 1)
                    else
                        best

        table[a.Length, b.Length]

    let private plain (word: string) =
        word.ToLowerInvariant().Replace('-', '_')

    /// The known word nearest to `word`, if it is near enough to be what was meant: at most two slips, or a third of
    /// the word's length. Upper and lower case, `-` and `_` are not told apart.
    let find (known: string seq) (word: string) =
        let typed = plain word

        let near =
            known
            |> Seq.map (fun k -> distance (plain k) typed, k)
            |> Seq.sortBy fst
            |> Seq.tryHead

        match near with
        | Some(d, k) when d <= max 2 (typed.Length / 3) && d < typed.Length -> Some k
        | _ ->
            // A word cut short, or with a prefix or suffix too many: `layers` for `num_layers`.
            let contained (k: string) =
                let k = plain k
                typed.Length >= 4 && k.Length >= 4 && (k.Contains typed || typed.Contains k)

            known |> Seq.tryFind contained
