namespace Evo.Core

open System

/// What `--set data.seq_len=512` does to a configuration's text before it is checked.
module Overrides =

    let private problem source found rule hint =
        {
            Place =
                {
                    Source = source
                    Line = 0
                    Column = 0
                }
            Path = ""
            Found = found
            Rule = rule
            Hint = hint
        }

    let private isName (part: string) =
        part <> ""
        && part |> Seq.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '_' || c = '$')

    /// Reads one `path=value`. The value is JSON where it can be read as JSON, else a text, so that quotes are not needed
    /// on a shell. All places in it name the option.
    let parse (text: string) : Result<string list * Json, Problem> =
        let cut = text.IndexOf '='

        if cut < 1 then
            Error(problem "--set" text "must be written path=value" "for example data.seq_len=512")
        else
            let path = text.Substring(0, cut).Trim()
            let value = text.Substring(cut + 1).Trim()
            let source = $"--set {path}"
            let parts = path.Split '.' |> List.ofArray

            if not (List.forall isName parts) then
                Error(problem "--set" text "must begin with a key's path" "for example data.seq_len=512")
            else
                let rec replaced (json: Json) : Json =
                    let at =
                        {
                            Source = source
                            Line = 0
                            Column = 0
                        }

                    match json.Value with
                    | JObject members ->
                        {
                            At = at
                            Value =
                                JObject
                                    [
                                        for m in members ->
                                            { m with
                                                NameAt = at
                                                Content = replaced m.Content
                                            }
                                    ]
                        }
                    | JArray items ->
                        {
                            At = at
                            Value = JArray(List.map replaced items)
                        }
                    | value -> { At = at; Value = value }

                match Json.parse source value with
                | Ok json -> Ok(parts, replaced json)
                | Error _ -> Ok(parts, replaced (Json.make (JString value)))

    /// The configuration with one value put at a path; objects on the way are made where they are missing.
    let rec put (path: string list) (value: Json) (json: Json) : Json =
        match path with
        | [] -> value
        | name :: rest ->
            let members =
                match json.Value with
                | JObject members -> members
                | _ -> []

            let changed =
                if members |> List.exists (fun m -> m.Name = name) then
                    members
                    |> List.map (fun m ->
                        if m.Name = name then
                            { m with
                                Content = put rest value m.Content
                            }
                        else
                            m)
                else
                    let empty = { At = value.At; Value = JObject [] }

                    members
                    @ [
                        {
                            Name = name
                            NameAt = value.At
                            Content = put rest value empty
                        }
                    ]

            { json with Value = JObject changed }

    /// Applies overrides from the first to the last; a later one wins.
    let apply (overrides: (string list * Json) list) (json: Json) =
        overrides |> List.fold (fun json (path, value) -> put path value json) json
