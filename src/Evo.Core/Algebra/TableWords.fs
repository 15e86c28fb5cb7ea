/// The words of a line that speak of placements and dims: patterns, sums and conditions.
module internal Evo.Core.TableWords

let private kindOf word =
    match word with
    | "R" -> Some PlacementKind.R
    | "I" -> Some PlacementKind.I
    | "S" -> Some PlacementKind.S
    | "P" -> Some PlacementKind.P
    | _ -> None

/// R, I, S or P alone.
let kind (line: TableLine) : PlacementKind =
    match kindOf line.Peek with
    | Some kind ->
        line.Name "a placement" |> ignore
        kind
    | None -> line.Refuse "a placement is expected: R, I, S or P"

/// Terms with + and - between them; `known` says of a name whether it means something here.
let sum (line: TableLine) (inputs: string list) (known: string -> bool) : DimSum =
    let term () =
        if line.IsNumber then
            DimTerm.Number(line.Int())
        elif line.Take "last" then
            DimTerm.Last
        elif line.Take "rank" then
            line.Expect "("

            if not (List.contains line.Peek inputs) then
                line.Refuse "the name of an input is expected"

            let input = line.Name "the name of an input"
            line.Expect ")"
            DimTerm.RankOf input
        elif known line.Peek then
            DimTerm.Name(line.Name "a dim")
        else
            line.Refuse
                "a dim is expected: a number, last, rank(input), or a name that an input's S(name) binds"

    let rec rest () =
        if line.Take "+" then
            let term = term ()
            (true, term) :: rest ()
        elif line.Take "-" then
            let term = term ()
            (false, term) :: rest ()
        else
            []

    let first = term ()
    { Terms = (true, first) :: rest () }

/// `sum sign sum`
let condition (line: TableLine) inputs known : DimCondition =
    let left = sum line inputs known
    let sign = line.Peek

    if not (List.contains sign [ "="; "!="; "<"; "<="; ">"; ">=" ]) then
        line.Refuse "a comparison is expected: = != < <= > or >="

    line.Take sign |> ignore

    {
        Left = left
        Sign = sign
        Right = sum line inputs known
    }

/// `R`, `R|I`, `S(sum)`; `known` is asked for the names inside. Where `bind` is given, it is told of a name that stands
/// alone and is not known: it is bound here.
let pattern (line: TableLine) inputs known (bind: (string -> unit) option) : PlacementPattern =
    match kind line with
    | PlacementKind.S ->
        line.Expect "("

        let isNew =
            line.IsName
            && line.After = ")"
            && line.Peek <> "last"
            && line.Peek <> "rank"
            && not (known line.Peek)

        let dim =
            match bind with
            | Some bind when isNew ->
                let name = line.Name "a dim"
                bind name
                { Terms = [ true, DimTerm.Name name ] }
            | _ -> sum line inputs known

        line.Expect ")"
        ShardedOn dim
    | first ->
        let rec more () =
            if line.Take "|" then
                if line.Peek = "S" then
                    line.Refuse "S(dim) stands alone; R, I or P is expected"

                let next = kind line
                next :: more ()
            else
                []

        OneOf(first :: more ())

/// `[..., a, b]`
let dims (line: TableLine) : bool * string list =
    line.Expect "["
    let isOpen = line.Take "..."
    let hasNames = not isOpen || line.Take ","

    let names =
        if hasNames then
            line.List(fun () -> line.Name "the name of a dim")
        else
            []

    line.Expect "]"
    isOpen, names
