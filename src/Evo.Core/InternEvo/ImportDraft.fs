namespace Evo.Core

/// A configuration of InternEvo's in Evo's keys, and what became of each of its own.
type Imported =
    {
        /// The configuration. Every value has its place in the Python files.
        Json: Json
        /// Keys that were taken over: InternEvo's, and Evo's.
        Taken: (string * string) list
        /// Keys that were left out, for nothing depends on them here: InternEvo's, and why.
        Left: (string * string) list
        /// Keys that Evo has nothing for.
        Missing: Problem list
        /// The model, where it has no record in Evo; everything else has been imported all the same.
        Model: Problem option
    }

/// Collects what an import comes to.
type internal ImportDraft(root: Json, family: ModelFamilyKeys option) =
    let settings = ResizeArray<string * Place * Json>()
    let taken = ResizeArray<string * string>()
    let left = ResizeArray<string * string>()
    let missing = ResizeArray<Problem>()

    /// Keys that the model's family has beside those of all models.
    let familyKeys =
        match family with
        | Some family -> [ for key in family.Keys -> key.Name ]
        | None -> []

    /// The family of the model; none where it has no record.
    member _.Family = family |> Option.map _.Family

    /// Whether the model's family has a key.
    member _.FamilyHas(name: string) = List.contains name familyKeys

    /// Evo's key at a path, those of families aside.
    member _.Key(path: string) : KeyInfo option =
        let rec walk (section: SectionInfo) (parts: string list) =
            match parts with
            | [] -> None
            | name :: rest ->
                match section.Keys |> List.tryFind (fun key -> key.Name = name), rest with
                | Some key, [] -> Some key
                | Some { Section = Some inner }, rest -> walk inner rest
                | _ -> None

        walk Keys.root (List.ofArray (path.Split '.'))

    /// Whether Evo has a key at a path, of the run or of the model's family. The keys of a family that is not there are all had.
    member draft.Has(path: string) =
        (draft.Key path).IsSome
        || path.StartsWith "model." && (family.IsNone || draft.FamilyHas(path.Substring 6))

    /// What the configuration says under a path of InternEvo's.
    member _.Find(path: string) : Json option =
        (Some root, path.Split '.')
        ||> Seq.fold (fun json name -> json |> Option.bind (Json.tryFind name))

    /// What it says there, if it is a truth value.
    member draft.Says(path: string, fallback: bool) =
        match draft.Find path with
        | Some { Value = JBool value } -> value
        | _ -> fallback

    member _.IsSet(path: string) =
        settings |> Seq.exists (fun (known, _, _) -> known = path)

    /// Sets one of Evo's keys, unless it is set already.
    member draft.Set(path: string, at: Place, value: Json) =
        if not (draft.IsSet path) then
            settings.Add((path, at, value))

    /// Takes a key over.
    member draft.Take(from: string, path: string, at: Place, value: Json) =
        taken.Add((from, path))
        draft.Set(path, at, value)

    member _.Leave(from: string, why: string) = left.Add((from, why))

    member _.Miss(from: string, value: Json, rule: string, hint: string) =
        let found =
            match value.Value with
            | JObject _ -> ""
            | _ -> Json.compact value

        missing.Add
            {
                Place = value.At
                Path = from
                Found = found
                Rule = rule
                Hint = hint
            }

    /// All that was set as one object, in the order of Evo's keys, a family's first.
    member private _.Assemble() : Json =
        let rec build (section: SectionInfo option) (settings: (string list * Place * Json) list) : Json =
            let place name =
                match section with
                | Some section ->
                    section.Keys
                    |> List.tryFindIndex (fun key -> key.Name = name)
                    |> Option.map (fun place -> place + 1)
                    |> Option.defaultValue 0
                | None -> 0

            let members =
                settings
                |> List.groupBy (fun (path, _, _) -> path.Head)
                |> List.sortBy (fun (name, _) -> place name)
                |> List.map (fun (name, group) ->
                    let _, at, first = group.Head

                    let content =
                        match group with
                        | [ [ _ ], _, value ] -> value
                        | _ ->
                            let inner =
                                section
                                |> Option.bind (fun s -> s.Keys |> List.tryFind (fun key -> key.Name = name))
                                |> Option.bind _.Section

                            { build inner [ for path, at, value in group -> path.Tail, at, value ] with
                                At = first.At
                            }

                    {
                        Name = name
                        NameAt = at
                        Content = content
                    })

            {
                At = root.At
                Value = JObject members
            }

        build (Some Keys.root) [ for path, at, value in settings -> List.ofArray (path.Split '.'), at, value ]

    member draft.Done(model: Problem option) : Imported =
        {
            Json = draft.Assemble()
            Taken = List.ofSeq taken
            Left = List.ofSeq left
            Missing = List.ofSeq missing
            Model = model
        }
