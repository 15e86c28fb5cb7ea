namespace Evo.Core

open System
open System.Globalization
open System.Text

/// Turns a configuration of InternEvo's into one of Evo's, key by key of the table.
module InternEvoImport =

    /// Values that InternEvo's models have where a configuration says nothing, and Evo's families others.
    let private defaults (draft: ImportDraft) (root: Json) =
        let set name value =
            if draft.Family.IsSome && draft.Has("model." + name) then
                draft.Set("model." + name, root.At, { At = root.At; Value = value })

        set "dtype" (JString "float16")
        set "num_kv_attention_heads" (JNumber "12")

        match draft.Find "data.seq_len" with
        | Some { Value = JNumber digits } when Double.Parse(digits, CultureInfo.InvariantCulture) > 2048.0 ->
            set "max_position_embeddings" (JNumber digits)
        | _ -> set "max_position_embeddings" (JNumber "2048")

        match draft.Family with
        | Some "GEMMA" -> set "tie_word_embeddings" (JBool false)
        | Some "BAICHUAN2" -> set "norm_head" (JBool false)
        | Some("MIXTRALMOE" | "QWEN2MOE" as family) ->
            set "num_experts" (JNumber "1")
            set "top_k" (JNumber "1")

            if family = "QWEN2MOE" then
                set "norm_topk_prob" (JBool true)
                set "num_shared_experts" (JNumber "0")
        | _ -> ()

    /// Rows are read in InternEvo's order where there are files to read.
    let private order (draft: ImportDraft) (root: Json) =
        let tokens =
            match draft.Find "data.type" with
            | Some { Value = JString kind } -> kind = "tokenized"
            | _ -> draft.IsSet "data.train_folder"

        if tokens then
            draft.Set(
                "data.order",
                root.At,
                {
                    At = root.At
                    Value = JString "internevo"
                }
            )

    let private section (path: string) =
        path.Substring(0, max 0 (path.LastIndexOf '.'))

    let private name (path: string) =
        path.Substring(path.LastIndexOf '.' + 1)

    let private unknown (draft: ImportDraft) (path: string) (json: Json) =
        let beside =
            InternEvoKeys.all
            |> List.filter (fun key -> section key.Path = section path)
            |> List.map (fun key -> name key.Path)

        let sections =
            InternEvoKeys.all
            |> List.map (fun key -> key.Path.Split('.')[0])
            |> List.distinct

        let isDict =
            match json.Value with
            | JObject _ -> true
            | _ -> false

        let rule = "is no key of InternEvo's that Evo knows"

        match Nearest.find (if section path = "" then sections else beside) (name path) with
        // A number or a text beside the sections is a name of the file's own, whatever it resembles.
        | _ when section path = "" && not isDict ->
            draft.Leave(path, "no key of InternEvo's: a name of the file's own")
        | Some near -> draft.Miss(path, json, rule, $"did you mean {near}?")
        | None when section path = "" -> draft.Leave(path, "no key of InternEvo's: a name of the file's own")
        | None -> draft.Miss(path, json, rule, "take it out")

    let private one (draft: ImportDraft) (path: string) at (json: Json) =
        let says (values: string list) =
            List.contains (Json.compact json) values

        let ofModel = path.StartsWith "model." && (draft.Key path).IsNone

        match ImportValues.byKey.TryGetValue path, InternEvoKeys.find path, draft.Key path with
        // InternEvo trains on made-up tokens where there is no folder; else None is what is not given.
        | _, _, Some { Nullable = true } when json.Value = JNull && path <> "data.train_folder" ->
            draft.Take(path, path, at, json)
        | _ when json.Value = JNull && path <> "data.train_folder" ->
            draft.Leave(path, "None is as if it were not given")
        // What a model is told that has no record is passed on to the record that will be.
        | _, Some { Fate = Left; Words = words }, _ when ofModel && draft.Family.IsNone ->
            draft.Leave(path, words)
        | _ when ofModel && draft.Family.IsNone -> draft.Take(path, path, at, json)
        | (true, convert), _, _ -> convert draft path at json
        | _ when ofModel && draft.FamilyHas(name path) -> draft.Take(path, path, at, json)
        | _, None, _ -> unknown draft path json
        // What Evo has by the same name is taken, whatever the table says.
        | _, _, Some evo when evo.Section.IsNone -> draft.Take(path, path, at, json)
        | _, Some { Fate = Moved target }, _ -> draft.Take(path, target, at, json)
        | _, Some { Fate = Same values }, _ when says values ->
            draft.Leave(path, "the family has it so without being told")
        | _, Some { Fate = Same _; Words = words }, _ ->
            let family = Option.defaultValue "" draft.Family
            draft.Miss(path, json, $"the family {family} has no such key", words)
        | _, Some { Fate = Missing values; Words = words }, _ when not (says values) ->
            draft.Miss(path, json, words, "")
        | _, Some { Words = words }, _ -> draft.Leave(path, words)

    let rec private walk (draft: ImportDraft) (path: string) (m: JsonMember) =
        let isSection =
            InternEvoKeys.isSection path && not (ImportValues.byKey.ContainsKey path)

        match m.Content.Value, draft.Key path with
        | JObject inner, _ when isSection ->
            for inner in inner do
                walk draft (path + "." + inner.Name) inner
        | JNull, _ when isSection -> draft.Leave(path, "None is as if it were not given")
        | _, Some { Bare = true; Section = Some inner } ->
            one draft (path + "." + inner.Keys.Head.Name) m.NameAt m.Content
        | _, _ when isSection -> draft.Miss(path, m.Content, "must be a dict", "")
        | _ -> one draft path m.NameAt m.Content

    /// What names the model: its path, its value, and the name of its family or of its class.
    let private modelOf (families: ModelFamilyKeys list) (root: Json) : string * Json * string =
        match Json.tryFind "hf" root, Json.tryFind "model_type" root with
        | Some({ Value = JObject _ } as hf), _ ->
            match Json.tryFind "mod_cls" hf with
            | Some({ Value = JString name } as json) ->
                let family =
                    families
                    |> List.tryFind (fun family -> family.Architecture = name)
                    |> Option.map _.Family

                "hf.mod_cls", json, Option.defaultValue name family
            | other -> "hf.mod_cls", Option.defaultValue hf other, "hf"
        | _, Some({ Value = JString name } as json) -> "model_type", json, ImportValues.familyName name
        | _, other ->
            let json = Option.defaultValue { root with Value = JString "" } other
            "model_type", json, ImportValues.familyName ""

    let private isConstant (name: string) =
        name
        |> Seq.forall (fun c -> Char.IsAsciiLetterUpper c || Char.IsAsciiDigit c || c = '_')

    /// The configuration in Evo's keys, and what became of every key. Names in capitals that are no keys are the file's own.
    let translate (families: ModelFamilyKeys list) (root: Json) : Imported =
        let path, json, name = modelOf families root
        let family = families |> List.tryFind (fun family -> family.Family = name)
        let draft = ImportDraft(root, family)

        let members =
            match root.Value with
            | JObject members -> members
            | _ -> []

        draft.Take(path, "model_type", json.At, { json with Value = JString name })

        for m in members do
            match m.Name, m.Content.Value with
            | "model_type", _ when path = "model_type" -> ()
            | "model_type", _ -> draft.Leave("model_type", "hf.mod_cls says it")
            | "hf", JObject inner ->
                for inner in inner do
                    if inner.Name <> "mod_cls" then
                        walk draft ("hf." + inner.Name) inner
            | name, _ when isConstant name && (InternEvoKeys.find name).IsNone -> ()
            | name, _ -> walk draft name m

        defaults draft root
        order draft root

        draft.Done(
            if family.IsSome then
                None
            else
                Some
                    {
                        Place = json.At
                        Path = path
                        Found = Json.compact json
                        Rule = "no record of Evo's describes this model"
                        Hint =
                            "write one and name its project in model.assembly (docs/own-model.md); everything else is imported"
                    }
        )

    /// Whether rows of queries and keys lie in pairs in checkpoints of a run with this configuration of InternEvo's, if it says.
    let rowsInPairs (root: Json) : bool option =
        let find (path: string) =
            (Some root, path.Split '.')
            ||> Seq.fold (fun json name -> json |> Option.bind (Json.tryFind name))

        match ImportValues.rowsInPairs find with
        | Some { Value = JBool pairs } -> Some pairs
        | _ -> None

    /// The table of InternEvo's keys as Markdown, for docs/moving-from-internevo.md.
    let table () : string =
        let text = StringBuilder()

        let line (words: string) =
            text.Append(words).Append('\n') |> ignore

        let ticked (values: string list) =
            String.Join(" or ", values |> List.map (fun v -> $"`{v}`"))

        line "| InternEvo | Evo | |"
        line "|---|---|---|"

        for key in InternEvoKeys.all do
            let evo, words =
                match key.Fate with
                | Same [] -> "the same", key.Words
                | Same values ->
                    let without = $"a family without it: {ticked values} only"

                    "the same",
                    (if key.Words = "" then
                         without
                     else
                         $"{key.Words}; {without}")
                | Moved path -> $"`{path}`", key.Words
                | Left -> "left out", key.Words
                | Missing [] -> "missing", key.Words
                | Missing values -> $"missing, unless {ticked values}", key.Words

            line $"| `{key.Path}` | {evo} | {words} |"

        text.ToString()
