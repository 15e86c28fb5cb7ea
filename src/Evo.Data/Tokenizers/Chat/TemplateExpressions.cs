using System.Globalization;

namespace Evo.Data;

internal delegate object? TemplateExpression(TemplateScope scope);

/// <summary>Reads the expressions of a template; each becomes a function of the names it sees.</summary>
internal sealed class TemplateExpressions(string where, List<TemplateToken> tokens)
{
    private const int MostDepth = 100;
    private int at, depth;

    public TemplateToken Next => tokens[at];

    public TemplateToken Take() => at < tokens.Count - 1 ? tokens[at++] : tokens[at];

    public bool Accept(string value)
    {
        if (!Next.Is(value)) return false;
        at++;
        return true;
    }

    public void Expect(string value)
    {
        if (!Accept(value)) throw Bad($"'{Next.Value}'", $"'{value}' is expected");
    }

    public string Name() => Next.Kind == TemplateTokenKind.Name ? Take().Value : throw Bad($"'{Next.Value}'", "a name is expected");

    public DataException Bad(string found, string rule, int? line = null) => new($"{where}:{line ?? Next.Line}", found, rule);

    /// <summary>A whole expression.</summary>
    public TemplateExpression Any() => Deeper(Conditional);

    /// <summary>An expression, or several with commas between, which are a list.</summary>
    public TemplateExpression AnyOrTuple()
    {
        var first = Any();
        if (!Next.Is(",")) return first;
        var all = new List<TemplateExpression> { first };
        while (Accept(",")) all.Add(Any());
        return scope => new TemplateTuple(all.ConvertAll(part => part(scope)));
    }

    /// <summary>An expression without a condition behind it: what a loop runs over.</summary>
    public TemplateExpression Unconditional() => Deeper(Or);

    private TemplateExpression Deeper(Func<TemplateExpression> read)
    {
        if (++depth > MostDepth) throw Bad("an expression nested too deep", $"at most {MostDepth} levels are read");
        var made = read();
        depth--;
        return made;
    }

    /// <summary>Runs a part of a template; what goes wrong in it is said with its line.</summary>
    public TemplateExpression Placed(int line, TemplateExpression run) => scope =>
    {
        try
        {
            var made = run(scope);
            scope.Step(made);
            return made;
        }
        catch (TemplateFault fault)
        {
            throw Bad(fault.Message, "the template cannot be rendered so", line);
        }
        catch (OverflowException)
        {
            throw Bad("a number that is too large", "the template cannot be rendered so", line);
        }
    };

    private TemplateExpression Conditional()
    {
        var value = Or();
        while (Accept("if"))
        {
            var (then, condition) = (value, Or());
            var otherwise = Accept("else") ? Any() : _ => new TemplateUndefined("a condition without else");
            value = scope => TemplateValues.IsTrue(condition(scope)) ? then(scope) : otherwise(scope);
        }
        return value;
    }

    private TemplateExpression Or()
    {
        var left = And();
        while (Accept("or"))
        {
            var (first, second) = (left, And());
            left = scope => first(scope) is var value && TemplateValues.IsTrue(value) ? value : second(scope);
        }
        return left;
    }

    private TemplateExpression And()
    {
        var left = Not();
        while (Accept("and"))
        {
            var (first, second) = (left, Not());
            left = scope => first(scope) is var value && !TemplateValues.IsTrue(value) ? value : second(scope);
        }
        return left;
    }

    private TemplateExpression Not()
    {
        if (!Accept("not")) return Comparison();
        var inner = Deeper(Not);
        return scope => !TemplateValues.IsTrue(inner(scope));
    }

    private TemplateExpression Comparison()
    {
        var line = Next.Line;
        var first = Sum();
        var rest = new List<(string Sign, TemplateExpression Value)>();
        while (true)
        {
            var sign = Next.Kind == TemplateTokenKind.Operator && Next.Value is "==" or "!=" or "<" or "<=" or ">" or ">=" || Next.Is("in") ? Take().Value
                : Next.Is("not") && tokens[at + 1].Is("in") ? "not in" : "";
            if (sign.Length == 0) break;
            if (sign == "not in") at += 2;
            rest.Add((sign, Sum()));
        }
        return rest.Count == 0 ? first : Placed(line, scope =>
        {
            var left = first(scope);
            foreach (var (sign, value) in rest)
            {
                var right = value(scope);
                if (!Holds(sign, left, right)) return false;
                left = right;
            }
            return true;
        });
    }

    private static bool Holds(string sign, object? left, object? right) => sign switch
    {
        "==" => TemplateValues.Equals(left, right),
        "!=" => !TemplateValues.Equals(left, right),
        "in" => TemplateValues.Contains(right, left),
        "not in" => !TemplateValues.Contains(right, left),
        "<" => TemplateValues.Compare(left, right) < 0,
        "<=" => TemplateValues.Compare(left, right) <= 0,
        ">" => TemplateValues.Compare(left, right) > 0,
        _ => TemplateValues.Compare(left, right) >= 0,
    };

    private TemplateExpression Sum() => Chain(Concatenation, "+", "-");

    private TemplateExpression Concatenation()
    {
        var line = Next.Line;
        var left = Product();
        while (Accept("~"))
        {
            var (first, second) = (left, Product());
            left = Placed(line, scope => TemplateValues.Joined(TemplateText.Of(first(scope)), TemplateText.Of(second(scope))));
        }
        return left;
    }

    private TemplateExpression Product() => Chain(Unary, "*", "/", "//", "%");

    private TemplateExpression Chain(Func<TemplateExpression> part, params string[] signs)
    {
        var left = part();
        while (Next.Kind == TemplateTokenKind.Operator && signs.Contains(Next.Value))
        {
            var sign = Take();
            var (first, second) = (left, part());
            left = Placed(sign.Line, scope => TemplateValues.Arithmetic(sign.Value, first(scope), second(scope)));
        }
        return left;
    }

    private TemplateExpression Unary()
    {
        if (Next.Is("+")) throw Bad("'+' before a value", "this part of Jinja is not supported");
        var line = Next.Line;
        if (!Accept("-")) return Filtered(Postfix(Primary()));
        var inner = Deeper(Unary);
        return Placed(line, scope => TemplateValues.Arithmetic("-", 0L, inner(scope)));
    }

    private TemplateExpression Primary()
    {
        var token = Take();
        switch (token.Kind)
        {
            case TemplateTokenKind.Text:
                var text = token.Value;
                while (Next.Kind == TemplateTokenKind.Text) text += Take().Value; // texts side by side are one
                return _ => text;
            case TemplateTokenKind.Number:
                object number = token.Value.Contains('.') ? double.Parse(token.Value, CultureInfo.InvariantCulture) : (object)long.Parse(token.Value, CultureInfo.InvariantCulture);
                return _ => number;
            case TemplateTokenKind.Name:
                switch (token.Value)
                {
                    case "true" or "True": return _ => true;
                    case "false" or "False": return _ => false;
                    case "none" or "None": return _ => null;
                    case "and" or "or" or "not" or "if" or "else" or "in" or "is": break;
                    default: return scope => scope[token.Value];
                }
                break;
            case TemplateTokenKind.Operator when token.Value == "(":
                if (Accept(")")) return _ => new TemplateTuple([]);
                var inner = Any();
                if (Next.Is(",")) inner = Listed(inner, ")");
                else Expect(")");
                return inner;
            case TemplateTokenKind.Operator when token.Value == "[": return Listed(null, "]");
            case TemplateTokenKind.Operator when token.Value == "{": return Fields();
        }
        throw Bad($"'{token.Value}'", "a value is expected", token.Line);
    }

    // The rest of a list up to its end; a comma may stand before it.
    private TemplateExpression Listed(TemplateExpression? first, string end)
    {
        var items = new List<TemplateExpression>();
        if (first is not null)
        {
            items.Add(first);
            Expect(",");
        }
        while (!Accept(end))
        {
            items.Add(Any());
            if (Accept(",")) continue;
            Expect(end);
            break;
        }
        return end == ")" ? scope => new TemplateTuple(items.ConvertAll(item => item(scope))) : scope => items.ConvertAll(item => item(scope));
    }

    private TemplateExpression Fields()
    {
        var fields = new List<(TemplateExpression Name, TemplateExpression Value)>();
        var line = Next.Line;
        while (!Accept("}"))
        {
            var name = Any();
            Expect(":");
            fields.Add((name, Any()));
            if (Accept(",")) continue;
            Expect("}");
            break;
        }
        return Placed(line, scope =>
        {
            var made = new Dictionary<string, object?>();
            foreach (var (name, value) in fields)
                made[name(scope) as string ?? throw new TemplateFault("a name of a field that is no text")] = value(scope);
            return made;
        });
    }

    // .name, [item], [from:to:step] and calls.
    private TemplateExpression Postfix(TemplateExpression value)
    {
        while (true)
        {
            var (line, whole) = (Next.Line, value);
            if (Accept("."))
            {
                var name = Next.Kind == TemplateTokenKind.Number ? Take().Value : Name();
                value = long.TryParse(name, CultureInfo.InvariantCulture, out var place)
                    ? Placed(line, scope => TemplateValues.Item(whole(scope), place))
                    : Placed(line, scope => TemplateMethods.Find(whole(scope), name) ?? TemplateValues.Item(whole(scope), name));
            }
            else if (Accept("["))
            {
                value = Subscript(whole, line);
            }
            else if (Accept("("))
            {
                var arguments = Arguments();
                value = Placed(line, scope => whole(scope) is TemplateCall call ? call(arguments(scope))
                    : throw new TemplateFault($"a call of {TemplateValues.KindOf(whole(scope))}"));
            }
            else
            {
                return value;
            }
        }
    }

    private TemplateExpression Subscript(TemplateExpression whole, int line)
    {
        var parts = new TemplateExpression?[3];
        var count = 0;
        while (!Accept("]"))
        {
            if (Accept(":"))
            {
                if (++count > 2) throw Bad("a slice of more than three parts", "a slice is from:to:step");
                continue;
            }
            if (parts[count] is not null) throw Bad($"'{Next.Value}'", "']' is expected");
            parts[count] = Any();
        }
        if (count == 0)
        {
            var key = parts[0] ?? throw Bad("[]", "an item must be named", line);
            return Placed(line, scope => TemplateValues.Item(whole(scope), key(scope)));
        }
        long? Bound(int part, TemplateScope scope) => parts[part]?.Invoke(scope) is { } value ? TemplateValues.Whole(value) : null;
        return Placed(line, scope => TemplateValues.Slice(whole(scope), Bound(0, scope), Bound(1, scope), Bound(2, scope)));
    }

    private Func<TemplateScope, TemplateArguments> Arguments()
    {
        var (places, names) = (new List<TemplateExpression>(), new List<(string Name, TemplateExpression Value)>());
        while (!Accept(")"))
        {
            if (Next.Kind == TemplateTokenKind.Name && tokens[at + 1].Is("="))
            {
                var name = Name();
                Expect("=");
                names.Add((name, Any()));
            }
            else
            {
                places.Add(Any());
            }
            if (Accept(",")) continue;
            Expect(")");
            break;
        }
        return scope =>
        {
            var byName = new Dictionary<string, object?>();
            foreach (var (name, value) in names) byName[name] = value(scope);
            return new(places.ConvertAll(value => value(scope)), byName);
        };
    }

    // Of a test: in brackets, or one value behind its name.
    private Func<TemplateScope, TemplateArguments>? TestArguments()
    {
        if (Accept("(")) return Arguments();
        var follows = Next.Kind is TemplateTokenKind.Text or TemplateTokenKind.Number || Next.Is("[") || Next.Is("{")
            || (Next.Kind == TemplateTokenKind.Name && Next.Value is not ("and" or "or" or "not" or "if" or "else" or "in" or "is"));
        if (!follows) return null;
        var value = Postfix(Primary());
        return scope => new([value(scope)], new Dictionary<string, object?>());
    }

    private TemplateExpression Filtered(TemplateExpression value)
    {
        while (true)
        {
            var line = Next.Line;
            if (Accept("|"))
            {
                var (whole, name) = (value, Name());
                var filter = TemplateFilters.Find(name) ?? throw Bad($"the filter '{name}'", $"known are {TemplateFilters.Names}", line);
                var arguments = Accept("(") ? Arguments() : _ => new([], new Dictionary<string, object?>());
                value = Placed(line, scope => filter(whole(scope), arguments(scope)));
            }
            else if (Accept("is"))
            {
                var whole = value;
                var negated = Accept("not");
                var name = Name();
                var test = TemplateFilters.Test(name) ?? throw Bad($"the test '{name}'", $"known are {TemplateFilters.TestNames}", line);
                var arguments = TestArguments();
                value = Placed(line, scope => test(whole(scope), arguments?.Invoke(scope)) != negated);
            }
            else if (Next.Is("(") || Next.Is(".") || Next.Is("["))
            {
                value = Postfix(value);
            }
            else
            {
                return value;
            }
        }
    }
}
