namespace Evo.Core

open System
open System.IO
open System.Text

/// What becomes of a key of InternEvo's.
type KeyFate =
    /// Evo's key of the same name holds it. Where a model's family has no such key, the family has it as one of the values says.
    | Same of otherwise: string list
    /// Evo's key at the path holds it.
    | Moved of path: string
    /// Nothing that a run computes depends on it.
    | Left
    /// Evo has nothing for it; the values say what Evo does anyway.
    | Missing of unless: string list

/// One of InternEvo's keys, or a section of them.
type InternEvoKey =
    {
        /// Its path, such as `data.seq_len`.
        Path: string
        Fate: KeyFate
        /// What to say about it; may be empty where it keeps its name.
        Words: string
    }

/// The table of InternEvo's keys: what importing follows, what the page about moving shows, and what an unknown key of a
/// configuration is answered with.
module InternEvoKeys =

    let private fate (text: string) =
        let values (text: string) =
            text.Split(',', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries)
            |> List.ofArray

        match text[0], text.Substring(1).Trim() with
        | '=', rest -> Same(values rest)
        | '>', path -> Moved path
        | '!', rest -> Missing(values rest)
        | '-', "" -> Left
        | _ -> raise (InvalidOperationException $"InternEvo/keys.txt: no such fate: {text}")

    let private read () =
        use stream =
            typeof<InternEvoKey>.Assembly.GetManifestResourceStream "Evo.InternEvo.Keys.txt"
            |> nonNull

        use bytes = new MemoryStream()
        stream.CopyTo bytes

        [
            for line in Encoding.UTF8.GetString(bytes.ToArray()).Split '\n' do
                if line <> "" && not (line.StartsWith '#') then
                    match line.Split('|', 3, StringSplitOptions.TrimEntries) with
                    | [| path; text; words |] ->
                        {
                            Path = path
                            Fate = fate text
                            Words = words
                        }
                    | _ -> raise (InvalidOperationException $"InternEvo/keys.txt: three columns: {line}")
        ]

    /// All of them, in the order of the file.
    let all: InternEvoKey list = read ()

    let private byPath = dict [ for key in all -> key.Path, key ]

    /// The line of a key, or of the nearest section around it that has one.
    let rec find (path: string) : InternEvoKey option =
        match byPath.TryGetValue path with
        | true, key -> Some key
        | _ ->
            match path.LastIndexOf '.' with
            | -1 -> None
            | cut -> find (path.Substring(0, cut))

    /// Whether the table has keys below a path.
    let isSection (path: string) =
        all |> List.exists (fun key -> key.Path.StartsWith(path + "."))

    /// Advice about a key that stands in a configuration of Evo's, by InternEvo's name of it.
    let about (section: string) (name: string) : string option =
        let path = if section = "" then name else section + "." + name

        match find path with
        | Some { Fate = Moved path; Words = "" } -> Some $"{path} says this"
        | Some { Fate = Moved path; Words = words } -> Some $"{path} says this: {words}"
        | Some { Fate = Left; Words = words } -> Some $"{words}; take it out"
        | Some { Fate = Missing _; Words = words } -> Some words
        | _ -> None
