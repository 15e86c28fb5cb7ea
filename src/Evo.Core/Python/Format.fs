namespace Evo.Core.Python

open System
open System.Globalization
open System.Numerics
open System.Text
open Evo.Core

/// How a value is written into a text: the specifications of f-strings and of `%`.
module internal Format =

    /// `[[fill]align][sign][0][width][,][.precision][type]`, the parts that are used.
    type private Spec =
        {
            Fill: char
            /// `<`, `>`, `^`, `=`, or none for the usual side.
            Align: char option
            Plus: bool
            Width: int
            Grouped: bool
            Precision: int option
            /// The letter at the end, or none.
            Type: char option
        }

    let private mostWidth = 1000

    let private parse (at: Place) (spec: string) : Spec =
        let wrong () : 'a =
            Tokens.refuse at spec "is no format that is read here" "use for example d, .2f or >8"

        let mutable i = 0

        let peek ahead =
            if i + ahead < spec.Length then spec[i + ahead] else '\000'

        let isAlign c = "<>^=".Contains(c: char)

        let digits () =
            let from = i

            while Char.IsAsciiDigit(peek 0) do
                i <- i + 1

            if from = i then
                None
            else
                match Int32.TryParse(spec.Substring(from, i - from)) with
                | true, number when number <= mostWidth -> Some number
                | _ -> wrong ()

        let fill, align =
            if spec.Length > 1 && isAlign spec[1] then
                i <- 2
                spec[0], Some spec[1]
            elif spec <> "" && isAlign spec[0] then
                i <- 1
                ' ', Some spec[0]
            else
                ' ', None

        let plus = peek 0 = '+'

        if plus || peek 0 = '-' then
            i <- i + 1

        let zero = peek 0 = '0' && align.IsNone

        if zero then
            i <- i + 1

        let width = digits ()
        let grouped = peek 0 = ','

        if grouped then
            i <- i + 1

        let precision =
            if peek 0 = '.' then
                i <- i + 1

                match digits () with
                | Some digits when digits <= 50 -> Some digits
                | _ -> wrong ()
            else
                None

        let letter =
            if i < spec.Length then
                i <- i + 1
                Some spec[i - 1]
            else
                None

        let isWhole = letter.IsNone || letter = Some 'd'

        if
            i <> spec.Length
            || letter |> Option.exists (fun c -> not ("dfFeEgGsxX%".Contains c))
            || grouped && (not isWhole || precision.IsSome)
        then
            wrong ()

        {
            Fill = if zero then '0' else fill
            Align = if zero then Some '=' else align
            Plus = plus
            Width = defaultArg width 0
            Grouped = grouped
            Precision = precision
            Type = letter
        }

    let private invariant = CultureInfo.InvariantCulture

    /// `1.5E+007` as `1.5e+07`.
    let private scientific (value: float) (precision: int) =
        let text = value.ToString("E" + string precision, invariant)
        let cut = text.IndexOf 'E'
        let exponent = int (text.Substring(cut + 1))
        let sign = if exponent < 0 then "-" else "+"
        text.Substring(0, cut) + "e" + sign + (abs exponent).ToString "00"

    let private general (value: float) (precision: int) =
        let precision = max 1 precision
        let rounded = scientific value (precision - 1)
        let cut = rounded.IndexOf 'e'
        let exponent = int (rounded.Substring(cut + 1))

        let strip (digits: string) =
            if digits.Contains '.' then
                digits.TrimEnd('0').TrimEnd('.')
            else
                digits

        if exponent < -4 || exponent >= precision then
            strip (rounded.Substring(0, cut)) + rounded.Substring cut
        else
            strip (Values.fixedPoint value (precision - 1 - exponent))

    let private decimals (spec: Spec) (value: float) =
        let precision = defaultArg spec.Precision 6

        if not (Double.IsFinite value) then
            Values.floatText value
        else
            match spec.Type with
            | Some('e' | 'E') -> scientific value precision
            | Some('g' | 'G') -> general value precision
            | Some '%' -> Values.fixedPoint (value * 100.0) precision + "%"
            | None when spec.Precision.IsNone -> Values.floatText value
            | None -> general value precision
            | _ -> Values.fixedPoint value precision

    let private pad (spec: Spec) (usual: char) (text: string) =
        let missing = spec.Width - text.Length

        if missing <= 0 then
            text
        else
            let filling count = String(spec.Fill, count)

            match defaultArg spec.Align usual with
            | '<' -> text + filling missing
            | '^' -> filling (missing / 2) + text + filling (missing - missing / 2)
            | '=' when text.StartsWith '-' || text.StartsWith '+' ->
                text.Substring(0, 1) + filling missing + text.Substring 1
            | _ -> filling missing + text

    let private bySpec (at: Place) (spec: Spec) (value: Value) : string =
        let numeric text =
            let text =
                if spec.Plus && not ((text: string).StartsWith '-') then
                    "+" + text
                else
                    text

            pad
                spec
                '>'
                (match spec.Type with
                 | Some('E' | 'G' | 'X') -> text.ToUpperInvariant()
                 | _ -> text)

        match value, spec.Type with
        | Values.Number(Whole number), (None | Some 'd') ->
            numeric (number.ToString((if spec.Grouped then "N0" else "D"), invariant))
        | Values.Number(Whole number), Some('x' | 'X') ->
            let digits = (BigInteger.Abs number).ToString("x", invariant).TrimStart('0')
            numeric ((if number.Sign < 0 then "-" else "") + (if digits = "" then "0" else digits))
        | Values.Number number, Some('f' | 'F' | 'e' | 'E' | 'g' | 'G' | '%') ->
            numeric (decimals spec (Values.toFloat number))
        | Real number, None -> numeric (decimals spec number)
        | Values.Number _, _ -> Tokens.refuse at "" $"{Values.kind value} cannot be written by this format" ""
        | _, (None | Some 's') ->
            let text = Values.text at value

            match spec.Precision with
            | Some most when text.Length > most -> pad spec '<' (text.Substring(0, most))
            | _ -> pad spec '<' text
        | _ -> Tokens.refuse at "" $"{Values.kind value} cannot be written by this format" ""

    /// A value by the specification of an f-string; the empty one is `str`.
    let write (at: Place) (spec: string) (value: Value) : string =
        if spec = "" then
            Values.text at value
        else
            bySpec at (parse at spec) value

    /// What `{value!r}` gives.
    let shown (at: Place) (value: Value) : string =
        match value with
        | Text text -> Values.quoted text
        | other -> Values.text at other

    /// `pattern % values`, the values in order or by name.
    let percent (at: Place) (pattern: string) (values: Value) : string =
        let result = StringBuilder()

        let mutable rest =
            match values with
            | FixedItems items -> items |> List.map _.Value
            | Dict _ -> []
            | value -> [ value ]

        let next () =
            match rest with
            | first :: others ->
                rest <- others
                first
            | [] -> Tokens.refuse at "%" "there are fewer values than places in this text" ""

        let mutable i = 0

        while i < pattern.Length do
            if pattern[i] <> '%' then
                result.Append pattern[i] |> ignore
                i <- i + 1
            elif i + 1 < pattern.Length && pattern[i + 1] = '%' then
                result.Append '%' |> ignore
                i <- i + 2
            else
                i <- i + 1

                let value =
                    if i < pattern.Length && pattern[i] = '(' then
                        let close = pattern.IndexOf(')', i)

                        if close < 0 then
                            Tokens.refuse at "%(" "is never closed" ""

                        let name = pattern.Substring(i + 1, close - i - 1)
                        i <- close + 1

                        match values with
                        | Dict entries ->
                            match Values.find name entries with
                            | Some entry -> entry.Value
                            | _ -> Tokens.refuse at name "is no key of the dict behind the %" ""
                        | _ -> Tokens.refuse at "%(" "needs a dict behind the %" ""
                    else
                        next ()

                let from = i

                while i < pattern.Length && "-+ 0123456789.".Contains pattern[i] do
                    i <- i + 1

                if i >= pattern.Length then
                    Tokens.refuse at "%" "says nothing at the end of this text" "write %% for one %"

                let flags = pattern.Substring(from, i - from).Replace(" ", "")

                // A minus sign stands for `<`; texts are to the right, as numbers are.
                let flags =
                    if flags.StartsWith '-' then
                        "<" + flags.Substring 1
                    elif pattern[i] = 's' && flags <> "" && flags[0] <> '.' then
                        ">" + flags
                    else
                        flags

                let text =
                    match pattern[i], value with
                    | 'r', value -> shown at value
                    | 's', value -> Values.text at value |> Text |> write at flags
                    | ('d' | 'i'), Values.Number number ->
                        let whole =
                            match number with
                            | Real number when Double.IsFinite number -> Whole(BigInteger number)
                            | other -> other

                        write at (flags + "d") whole
                    | ('f' | 'F' | 'e' | 'E' | 'g' | 'G' | 'x' | 'X' as letter), value ->
                        write at (flags + string letter) value
                    | letter, value ->
                        Tokens.refuse at $"%%{letter}" $"does not write {Values.kind value}" "use %s"

                result.Append text |> ignore
                i <- i + 1

        if not rest.IsEmpty then
            Tokens.refuse at "%" "there are more values than places in this text" ""

        result.ToString()
