namespace Evo.Core

open System
open System.Collections.Generic
open System.Text.Json.Nodes

/// What others than the table of keys have to say about a run, such as the model's family about its sizes: the path of a
/// key (`model.hidden_size`, or `model` for all of it) and what is wrong with it.
type RunCheck = RunConfig -> (string * string) list

/// Reads a run's configuration: JSON with comments and trailing commas, checked completely before anything is done.
module Config =

    /// Reads one text against the table of keys and collects every problem.
    type private Reader(families: ModelFamilyKeys list, source: string) =
        let problems = ResizeArray<Problem>()
        let bad = HashSet<string>()
        let meant = HashSet<string>()

        let join path name =
            if path = "" then name else path + "." + name

        let lowered (doc: string) =
            doc.Substring(0, 1).ToLowerInvariant() + doc.Substring 1

        let report (place: Place) path found rule hint =
            bad.Add path |> ignore

            problems.Add
                {
                    Place =
                        if place.Source = "" then
                            {
                                Place.Source = source
                                Line = 1
                                Column = 1
                            }
                        else
                            place
                    Path = path
                    Found = found
                    Rule = rule
                    Hint = hint
                }

        /// All paths of the table, to say where a key belongs that stands in the wrong section.
        let allPaths =
            let rec walk path (section: SectionInfo) =
                section.Keys
                |> List.collect (fun key ->
                    let here = join path key.Name

                    match key.Section with
                    | Some inner -> (here, key.Name) :: walk here inner
                    | None -> [ here, key.Name ])

            walk "" Keys.root
            @ [
                for family in families do
                    for key in family.Keys -> "model." + key.Name, key.Name
            ]

        let unknownHint path (known: KeyInfo list) name =
            match InternEvoKeys.about path name, Nearest.find (known |> List.map _.Name) name with
            | Some advice, _ -> advice
            | None, Some near ->
                // The key that was meant is not reported as missing too.
                meant.Add(join path near) |> ignore
                $"did you mean \"{near}\"?"
            | None, None ->
                match allPaths |> List.tryFind (fun (_, other) -> other = name) with
                | Some(place, _) -> $"this key belongs at {place}"
                | None when path = "" -> "evo config docs lists all keys"
                | None -> $"evo config docs {path} lists the keys of this section"

        /// True for a key, or a key of a section, that was misspelled: it is not missing too.
        let isMeant (path: string) =
            meant |> Seq.exists (fun known -> path = known || path.StartsWith(known + "."))

        member _.Problems = problems
        member _.IsBad path = bad.Contains path || isMeant path
        member _.Report(place, path, found, rule, hint) = report place path found rule hint

        /// A value that stands in where the real one is missing or wrong, so that reading can go on.
        member private _.StandIn(key: KeyInfo) : obj | null =
            if key.Nullable then
                null
            elif key.Type = typeof<int> then
                box 1
            elif key.Type = typeof<int64> then
                box 1L
            elif key.Type = typeof<float> then
                box 1.0
            elif key.Type = typeof<bool> then
                box false
            elif key.Type = typeof<Checkpointed> then
                box (Share 0.0)
            elif key.Type = typeof<string> then
                box ""
            elif key.Type = typeof<string list> then
                box List.empty<string>
            else
                null

        member private _.Fallback(key: KeyInfo) : obj | null =
            match Json.parse "" key.Default with
            | Ok json ->
                match KeyValue.read key json with
                | Ok value -> KeyValue.toField key value
                | Error wrong -> raise (InvalidOperationException $"default of {key.Name}: {wrong.Rule}")
            | Error problem -> raise (InvalidOperationException $"default of {key.Name}: {problem}")

        /// One plain value.
        member private reader.Value(key: KeyInfo, path, json: Json) : obj | null =
            match KeyValue.read key json with
            | Ok value -> KeyValue.toField key value
            | Error wrong ->
                report json.At path (Json.compact json) wrong.Rule wrong.Hint
                reader.StandIn key

        /// Says which members are unknown or written twice; gives the known ones by name.
        member private _.Members(known: KeyInfo list, path, members: JsonMember list) =
            let seen = Dictionary<string, Json>()

            for m in members do
                let here = join path m.Name

                if not (known |> List.exists (fun key -> key.Name = m.Name)) then
                    if not (path = "" && m.Name = "$schema") then
                        report m.NameAt here "" "unknown key" (unknownHint path known m.Name)
                elif not (seen.TryAdd(m.Name, m.Content)) then
                    report m.NameAt here "" "the key is given twice" "keep one of the two"

            seen

        /// One section as its record; `family` gives the keys that a model's family adds to it.
        member reader.Section
            (section: SectionInfo, family: KeyInfo list, path, json: Json, given: bool)
            : obj =
            let members =
                match json.Value with
                | JObject members -> members
                | _ ->
                    report json.At path (Json.compact json) "must be an object" "write its keys inside { }"
                    []

            let wellFormed =
                match json.Value with
                | JObject _ -> true
                | _ -> false

            let written = reader.Members(section.Keys @ family, path, members)

            let valueOf (key: KeyInfo) : obj | null =
                let here = join path key.Name

                match written.TryGetValue key.Name, key.Section with
                | (true, content), Some inner ->
                    let content =
                        match content.Value with
                        | JObject _ -> content
                        | _ when key.Bare ->
                            let first = List.head inner.Keys

                            { Json.makeObject [ first.Name, content ] with
                                At = content.At
                            }
                        | _ -> content

                    reader.Section(inner, reader.FamilyKeys(here, json), here, content, true)
                | (false, _), Some inner ->
                    let empty = { Json.makeObject [] with At = json.At }
                    reader.Section(inner, reader.FamilyKeys(here, json), here, empty, false)
                | (true, content), None -> reader.Value(key, here, content)
                | (false, _), None when key.Required ->
                    if wellFormed && not (isMeant here) then
                        let missing =
                            if given then
                                "must be given"
                            else
                                "must be given, in its section"

                        report json.At here "" missing (lowered key.Doc)

                    reader.StandIn key
                | (false, _), None -> reader.Fallback key

            let values = section.Keys |> List.map valueOf |> Array.ofList

            let familyText () : obj | null =
                for key in family do
                    match written.TryGetValue key.Name with
                    | true, content ->
                        match KeyValue.read key content with
                        | Ok _ -> ()
                        | Error wrong ->
                            report
                                content.At
                                (join path key.Name)
                                (Json.compact content)
                                wrong.Rule
                                wrong.Hint
                    | _ when key.Required ->
                        if wellFormed && not (isMeant (join path key.Name)) then
                            report json.At (join path key.Name) "" "must be given" (lowered key.Doc)
                    | _ -> ()

                family
                |> List.choose (fun key ->
                    match written.TryGetValue key.Name with
                    | true, content -> Some(key.Name, Json.forgetPlaces content)
                    | _ -> None)
                |> Json.makeObject
                |> Json.compact
                |> box

            section.Fields
            |> List.map (fun index -> if index < 0 then familyText () else values[index])
            |> Array.ofList
            |> section.Make

        /// The keys that the family chosen by `model_type` adds to the section `model`.
        member _.FamilyKeys(path, root: Json) : KeyInfo list =
            if path <> "model" then
                []
            else
                let chosen =
                    match Json.tryFind "model_type" root with
                    | Some { Value = JString name } -> families |> List.tryFind (fun f -> f.Family = name)
                    | _ -> None

                match chosen with
                | Some family -> family.Keys |> Seq.map Keys.ofModelKey |> List.ofSeq
                | None ->
                    // The family is wrong and has been reported; any family's key is let pass.
                    families
                    |> List.collect (fun f -> List.ofSeq f.Keys)
                    |> List.distinctBy _.Name
                    |> List.map (fun key ->
                        { Keys.ofModelKey key with
                            Default = "null"
                            Kind = key.Kind
                        })

    let private rootKeys (families: ModelFamilyKeys list) =
        let names = families |> List.map _.Family

        { Keys.root with
            Keys =
                Keys.root.Keys
                |> List.map (fun key ->
                    if key.Name = "model_type" then
                        { key with Choices = names }
                    else
                        key)
        }

    /// The place and text of the value at a path; where it is not written, the place of the nearest object around it.
    let private locate (json: Json) (path: string) =
        let rec walk (json: Json) parts =
            match parts with
            | [] -> json.At, Json.compact json
            | name :: rest ->
                match Json.tryFind name json, json.Value with
                | Some content, _ -> walk content rest
                | None, JObject _ -> json.At, ""
                | None, _ -> json.At, Json.compact json

        walk json (List.ofArray (path.Split '.'))

    /// The overrides that can be read, and what is wrong with the others.
    let private parseAll (overrides: string list) =
        let parsed = overrides |> List.map Overrides.parse

        List.choose Result.toOption parsed,
        parsed
        |> List.choose (fun result ->
            match result with
            | Error problem -> Some problem
            | Ok _ -> None)

    /// Checks a configuration that has been read as JSON, from whatever text; `source` is the file's name for messages,
    /// `overrides` are texts such as `data.seq_len=512`, the last one winning, and `runCheck` is asked about the run once the
    /// keys of its model are sound. Every problem is found in one pass, in the order of the file.
    let loadJson
        (runCheck: RunCheck)
        (families: ModelFamilyKeys list)
        (overrides: string list)
        (source: string)
        (json: Json)
        : Result<RunConfig, Problem list> =
        let changes, mistakes = parseAll overrides
        let json = Overrides.apply changes json
        let reader = Reader(families, source)
        let run = reader.Section(rootKeys families, [], "", json, true) :?> RunConfig

        // What a rule depends on is looked at before any rule is reported, so that one broken rule does not hide another.
        let sound (rule: BrokenRule) =
            not (List.exists reader.IsBad (rule.Path :: rule.With))

        for rule in Rules.check run |> List.filter sound do
            let place, found = locate json rule.Path
            reader.Report(place, rule.Path, found, rule.Rule, rule.Hint)

        let modelIsSound =
            reader.Problems |> Seq.forall (fun p -> not (p.Path.StartsWith "model"))

        if modelIsSound then
            for path, rule in runCheck run do
                if not (reader.IsBad path) then
                    let place, found = locate json path
                    // A whole section is not repeated in the message.
                    let found = if found.StartsWith '{' then "" else found
                    reader.Report(place, path, found, rule, "")

        match mistakes @ List.ofSeq reader.Problems with
        | [] -> Ok run
        | problems ->
            let place (p: Problem) =
                if p.Place.Source = source then
                    p.Place.Line, p.Place.Column
                else
                    Int32.MaxValue, 0

            Error(List.sortBy place problems)

    /// Reads a configuration's text and checks it, as `loadJson` does.
    let loadWith
        (runCheck: RunCheck)
        (families: ModelFamilyKeys list)
        (overrides: string list)
        (source: string)
        (text: string)
        : Result<RunConfig, Problem list> =
        match Json.parse source text with
        | Error problem -> Error(problem :: snd (parseAll overrides))
        | Ok json -> loadJson runCheck families overrides source json

    /// The text of `model.assembly` and where it stands, read before everything else: which families a configuration may
    /// name depends on it. None where it is not set.
    let assembly (overrides: string list) (json: Json) : (string * Place) option =
        match
            Overrides.apply (fst (parseAll overrides)) json
            |> Json.tryFind "model"
            |> Option.bind (Json.tryFind "assembly")
        with
        | Some { Value = JString path; At = place } -> Some(path, place)
        | _ -> None

    /// Reads and checks a configuration with the table of keys and its rules alone.
    let load families overrides source text =
        loadWith (fun _ -> []) families overrides source text

    /// The configuration as JSON, every key given. Reading it back gives an equal run.
    let print (run: RunConfig) =
        let plain (value: obj | null) =
            match value with
            | null -> JNull
            | :? bool as b -> JBool b
            | :? int as n -> JNumber(string n)
            | :? int64 as n -> JNumber(string n)
            | :? float as x -> JNumber(Json.number x)
            | :? string as s -> JString s
            | :? Checkpointed as layers -> layers.AsJson
            | :? (string list) as items -> JArray [ for item in items -> Json.make (JString item) ]
            | other -> raise (InvalidOperationException $"a key holds {other.GetType()}")

        let rec write (section: SectionInfo) (record: obj) : Json =
            let values = section.TakeApart record

            let members =
                List.zip section.Fields (List.ofArray values)
                |> List.collect (fun (index, value) ->
                    if index < 0 then
                        match value with
                        | :? string as text ->
                            match Json.parse "" text with
                            | Ok { Value = JObject members } -> [ for m in members -> m.Name, m.Content ]
                            | _ -> []
                        | _ -> []
                    else
                        let key = section.Keys[index]

                        match key.Section, value with
                        | Some inner, NonNull value -> [ key.Name, write inner value ]
                        | _ -> [ key.Name, Json.make (plain value) ])

            Json.makeObject members

        Json.render (write Keys.root run) + "\n"
