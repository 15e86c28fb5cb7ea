namespace Evo.Core

/// A number that a rule computes from the dims and numbers of dims of an operator's inputs.
[<RequireQualifiedAccess>]
type DimTerm =
    | Number of int
    /// A dim that `S(d)` bound, or a parameter of the operator.
    | Name of string
    /// The last dim of the first input.
    | Last
    /// The number of dims of an input.
    | RankOf of input: string

    override term.ToString() =
        match term with
        | DimTerm.Number n -> string n
        | DimTerm.Name name -> name
        | DimTerm.Last -> "last"
        | DimTerm.RankOf input -> $"rank({input})"

/// Terms that are added (true) or subtracted (false).
type DimSum =
    {
        Terms: (bool * DimTerm) list
    }

    override sum.ToString() =
        sum.Terms
        |> List.mapi (fun i (plus, term) ->
            match i, plus with
            | 0, _ -> string term
            | _, true -> $" + {term}"
            | _, false -> $" - {term}")
        |> String.concat ""

/// `left sign right`, the sign being one of = != < <= > >=.
type DimCondition =
    {
        Left: DimSum
        Sign: string
        Right: DimSum
    }

    override condition.ToString() =
        $"{condition.Left} {condition.Sign} {condition.Right}"

/// What a rule says of one placement.
type PlacementPattern =
    /// R, I or P; several where any of them is meant.
    | OneOf of PlacementKind list
    | ShardedOn of DimSum

    override pattern.ToString() =
        match pattern with
        | OneOf kinds -> kinds |> List.map string |> String.concat "|"
        | ShardedOn dim -> $"S({dim})"

/// What names stand for while a rule is tried.
type internal DimEnvironment =
    {
        Ranks: (string * int) list
        Names: Map<string, int>
    }

    /// The sum's value; none while it has a name that is not bound.
    member environment.Value(sum: DimSum) : int option =
        let value term =
            match term with
            | DimTerm.Number n -> Some n
            | DimTerm.Name name -> Map.tryFind name environment.Names
            | DimTerm.Last -> Some(snd environment.Ranks.Head - 1)
            | DimTerm.RankOf input ->
                environment.Ranks
                |> List.tryFind (fun (name, _) -> name = input)
                |> Option.map snd

        (Some 0, sum.Terms)
        ||> List.fold (fun total (plus, term) ->
            Option.map2 (fun total value -> if plus then total + value else total - value) total (value term))

    member environment.Holds(condition: DimCondition) =
        match environment.Value condition.Left, environment.Value condition.Right with
        | Some left, Some right ->
            match condition.Sign with
            | "=" -> left = right
            | "!=" -> left <> right
            | "<" -> left < right
            | "<=" -> left <= right
            | ">" -> left > right
            | _ -> left >= right
        | _ -> false
