/// Slurm's short way of writing host names: `node[01-03,07],login`.
module Evo.Core.HostList

/// The first host of a list; None where the list is empty or its brackets do not close.
let first (list: string) : string option =
    let rec name (rest: char list) (made: string) =
        match rest with
        | []
        | ',' :: _ -> Some made
        | '[' :: inside ->
            match List.tryFindIndex ((=) ']') inside with
            | None -> None
            | Some close ->
                // The first number of the first range, with its zeros.
                let number =
                    inside |> List.take close |> List.takeWhile (fun c -> c <> ',' && c <> '-')

                name (List.skip (close + 1) inside) (made + System.String(Array.ofList number))
        | c :: rest -> name rest (made + string c)

    match name (List.ofSeq (list.Trim())) "" with
    | Some "" -> None
    | found -> found
