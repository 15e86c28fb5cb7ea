namespace Evo.Data;

/// <summary>How a statement ended: as usual, or to leave the loop around it or its turn.</summary>
internal enum TemplateFlow
{
    On,
    Break,
    Continue,
}

internal delegate TemplateFlow TemplateStatement(TemplateScope scope);

/// <summary>Reads the statements of a template: text, prints, if, for, set, break, continue, macro and generation.</summary>
internal sealed class TemplateStatements(string where, List<TemplateToken> tokens)
{
    private const int MostDepth = 100;
    private readonly TemplateExpressions read = new(where, tokens);
    private int depth, loops;

    /// <summary>The whole template.</summary>
    public TemplateStatement Read()
    {
        var (body, _) = Body();
        return read.Next.Kind == TemplateTokenKind.End ? body : throw read.Bad($"'{read.Next.Value}'", "nothing that it ends is open");
    }

    // Statements up to a block of one of these names, which is left open behind its name; or up to the end.
    private (TemplateStatement Body, string End) Body(params string[] ends)
    {
        var end = "";
        if (++depth > MostDepth) throw read.Bad("blocks nested too deep", $"at most {MostDepth} levels are read");
        var parts = new List<TemplateStatement>();
        while (true)
        {
            var token = read.Next;
            if (token.Kind == TemplateTokenKind.End)
            {
                if (ends.Length > 0) throw read.Bad(token.Value, $"'{ends[^1]}' is expected");
                break;
            }
            read.Take();
            if (token.Kind == TemplateTokenKind.Data)
            {
                parts.Add(scope =>
                {
                    scope.Write(token.Value);
                    return TemplateFlow.On;
                });
            }
            else if (token.Kind == TemplateTokenKind.PrintBegin)
            {
                parts.Add(Print(token.Line));
            }
            else
            {
                var name = read.Next;
                if (ends.Contains(end = read.Name())) break;
                parts.Add(Block(name));
            }
        }
        depth--;
        return (Run, end);

        TemplateFlow Run(TemplateScope scope)
        {
            foreach (var part in parts)
                if (part(scope) is var flow && flow != TemplateFlow.On) return flow;
            return TemplateFlow.On;
        }
    }

    private TemplateStatement Print(int line)
    {
        var value = read.AnyOrTuple();
        Close(TemplateTokenKind.PrintEnd);
        var write = read.Placed(line, scope =>
        {
            scope.Write(TemplateText.Of(value(scope)));
            return null;
        });
        return scope =>
        {
            write(scope);
            return TemplateFlow.On;
        };
    }

    private TemplateStatement Block(TemplateToken name) => name.Value switch
    {
        "if" => If(),
        "for" => For(name.Line),
        "set" => Set(name.Line),
        "macro" => Macro(name.Line),
        "generation" => Generation(),
        "break" => Leave(name, TemplateFlow.Break),
        "continue" => Leave(name, TemplateFlow.Continue),
        _ => throw read.Bad($"the block '{name.Value}'", "known are if, for, set, macro, break, continue and generation", name.Line),
    };

    private void Close(TemplateTokenKind kind)
    {
        if (read.Next.Kind != kind) throw read.Bad($"'{read.Next.Value}'", $"the tag must end here");
        read.Take();
    }

    private TemplateStatement If()
    {
        var condition = read.Any();
        Close(TemplateTokenKind.BlockEnd);
        var (then, end) = Body("elif", "else", "endif");
        TemplateStatement otherwise = _ => TemplateFlow.On;
        if (end == "elif")
        {
            otherwise = If();
        }
        else
        {
            if (end == "else")
            {
                Close(TemplateTokenKind.BlockEnd);
                (otherwise, _) = Body("endif");
            }
            Close(TemplateTokenKind.BlockEnd);
        }
        return scope => TemplateValues.IsTrue(condition(scope)) ? then(scope) : otherwise(scope);
    }

    private TemplateStatement For(int line)
    {
        var targets = Targets();
        read.Expect("in");
        var items = read.Unconditional();
        var condition = read.Accept("if") ? read.Any() : null;
        if (read.Next.Is("recursive")) throw read.Bad("'recursive'", "this part of Jinja is not supported");
        Close(TemplateTokenKind.BlockEnd);
        loops++;
        var (body, end) = Body("else", "endfor");
        loops--;
        TemplateStatement otherwise = _ => TemplateFlow.On;
        if (end == "else")
        {
            Close(TemplateTokenKind.BlockEnd);
            (otherwise, _) = Body("endfor");
        }
        Close(TemplateTokenKind.BlockEnd);

        var all = read.Placed(line, scope =>
        {
            var found = TemplateValues.Items(items(scope));
            return condition is null ? found : found.FindAll(item =>
            {
                var inner = scope.Inner();
                Bind(inner, targets, item);
                return TemplateValues.IsTrue(condition(inner));
            });
        });
        return scope =>
        {
            var list = (List<object?>)all(scope)!;
            if (list.Count == 0) return otherwise(scope);
            for (var i = 0; i < list.Count; i++)
            {
                var (inner, place) = (scope.Inner(), i);
                read.Placed(line, turn =>
                {
                    Bind(turn, targets, list[place]);
                    return null;
                })(inner);
                inner["loop"] = Loop(list, i);
                if (body(inner) == TemplateFlow.Break) break;
            }
            return TemplateFlow.On;
        };
    }

    private static Dictionary<string, object?> Loop(List<object?> list, int i) => new()
    {
        ["index"] = i + 1L,
        ["index0"] = (long)i,
        ["revindex"] = (long)list.Count - i,
        ["revindex0"] = list.Count - i - 1L,
        ["first"] = i == 0,
        ["last"] = i == list.Count - 1,
        ["length"] = (long)list.Count,
        ["previtem"] = i > 0 ? list[i - 1] : new TemplateUndefined("loop.previtem"),
        ["nextitem"] = i + 1 < list.Count ? list[i + 1] : new TemplateUndefined("loop.nextitem"),
    };

    private List<string> Targets()
    {
        var bracket = read.Accept("(");
        var names = new List<string> { read.Name() };
        while (read.Accept(",")) names.Add(read.Name());
        if (bracket) read.Expect(")");
        return names;
    }

    private static void Bind(TemplateScope scope, List<string> names, object? value)
    {
        if (names.Count == 1)
        {
            scope[names[0]] = value;
            return;
        }
        var parts = TemplateValues.Items(value);
        if (parts.Count != names.Count) throw new TemplateFault($"{parts.Count} values for {names.Count} names");
        for (var i = 0; i < names.Count; i++) scope[names[i]] = parts[i];
    }

    private TemplateStatement Set(int line)
    {
        var names = Targets();
        var field = names.Count == 1 && read.Accept(".") ? read.Name() : null;
        TemplateExpression value;
        if (read.Accept("="))
        {
            value = read.AnyOrTuple();
            Close(TemplateTokenKind.BlockEnd);
        }
        else
        {
            if (names.Count > 1) throw read.Bad($"'{read.Next.Value}'", "'=' is expected");
            Close(TemplateTokenKind.BlockEnd);
            var (body, _) = Body("endset");
            Close(TemplateTokenKind.BlockEnd);
            value = scope => scope.Captured(() => body(scope.Inner()));
        }
        var set = read.Placed(line, scope =>
        {
            if (field is null) Bind(scope, names, value(scope));
            else if (scope[names[0]] is TemplateNamespace space) space.Fields[field] = value(scope);
            else throw new TemplateFault($"a field of {TemplateValues.KindOf(scope[names[0]])} set; only those of a namespace may be");
            return null;
        });
        return scope =>
        {
            set(scope);
            return TemplateFlow.On;
        };
    }

    private TemplateStatement Macro(int line)
    {
        var name = read.Name();
        read.Expect("(");
        var parameters = new List<(string Name, TemplateExpression? Otherwise)>();
        while (!read.Accept(")"))
        {
            parameters.Add((read.Name(), read.Accept("=") ? read.Any() : null));
            if (!read.Accept(",") && !read.Next.Is(")")) throw read.Bad($"'{read.Next.Value}'", "',' or ')' is expected");
        }
        Close(TemplateTokenKind.BlockEnd);
        var (body, _) = Body("endmacro");
        Close(TemplateTokenKind.BlockEnd);
        var running = 0;
        return scope =>
        {
            scope[name] = (TemplateCall)(arguments =>
            {
                if (running >= MostDepth) throw new TemplateFault($"the macro '{name}', defined in line {line}, inside itself too deep");
                var inner = scope.Inner();
                for (var i = 0; i < parameters.Count; i++)
                {
                    var given = arguments.At(i, parameters[i].Name, null);
                    var missing = i >= arguments.Places.Count && !arguments.Names.ContainsKey(parameters[i].Name);
                    inner[parameters[i].Name] = !missing ? given : parameters[i].Otherwise?.Invoke(inner) ?? new TemplateUndefined(parameters[i].Name);
                }
                running++;
                try
                {
                    return scope.Captured(() => body(inner));
                }
                finally
                {
                    running--;
                }
            });
            return TemplateFlow.On;
        };
    }

    private TemplateStatement Generation()
    {
        Close(TemplateTokenKind.BlockEnd);
        var (body, _) = Body("endgeneration");
        Close(TemplateTokenKind.BlockEnd);
        return scope =>
        {
            var start = scope.Output.Length;
            var flow = body(scope);
            scope.Generated.Add((start, scope.Output.Length));
            return flow;
        };
    }

    private TemplateStatement Leave(TemplateToken name, TemplateFlow flow)
    {
        if (loops == 0) throw read.Bad($"'{name.Value}' outside a loop", "it leaves a loop", name.Line);
        Close(TemplateTokenKind.BlockEnd);
        return _ => flow;
    }
}
