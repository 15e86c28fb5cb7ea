namespace Evo.Core

open System

/// How few tokens a document may have and still be used, by the file that it lies in.
type LeastLengths =
    {
        /// Of files that no part names.
        Usual: int
        /// A number, and what a file's path must contain for it to hold; the first that fits holds.
        Parts: (int * string) list
    }

    /// The fewest tokens of a document of a file, by the file's path in its data set.
    member least.For(file: string) : int =
        least.Parts
        |> List.tryFind (fun (_, part) -> file.Contains(part, StringComparison.Ordinal))
        |> Option.map fst
        |> Option.defaultValue least.Usual

    /// Reads parts such as "100 code/"; none where one of them says something else.
    static member TryParse(usual: int, parts: string list) : LeastLengths option =
        let read (text: string) =
            match text.Trim().Split([| ' ' |], 2, StringSplitOptions.RemoveEmptyEntries) with
            | [| number; part |] ->
                match Int32.TryParse number with
                | true, least when least >= 0 -> Some(least, part.Trim())
                | _ -> None
            | _ -> None

        let found = parts |> List.map read

        if List.contains None found then
            None
        else
            Some
                {
                    Usual = usual
                    Parts = List.choose id found
                }
