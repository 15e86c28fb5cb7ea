// Reads operator schemas as libtorch prints them, one a line; lines that begin with # are comments.
using System;
using System.Collections.Generic;
using System.Linq;

namespace Evo.Generators.Operators;

internal static class SchemaParser
{
    public static OperatorFile ParseFile(string file, string text)
    {
        var operators = new List<OperatorSchema>();
        var problems = new List<SchemaProblem>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var lines = text.Split('\n');
        for (var k = 0; k < lines.Length; k++)
        {
            var line = lines[k].Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            try
            {
                var schema = Parse(line);
                if (seen.Add(schema.Namespace + "::" + schema.MethodName))
                {
                    operators.Add(schema);
                }
                else
                {
                    problems.Add(new SchemaProblem(file, k + 1, line, "is listed twice"));
                }
            }
            catch (FormatException error)
            {
                problems.Add(new SchemaProblem(file, k + 1, line, error.Message));
            }
        }

        operators.Sort((a, b) => string.CompareOrdinal(a.Namespace + a.MethodName, b.Namespace + b.MethodName));
        return new OperatorFile(new EquatableArray<OperatorSchema>(operators), new EquatableArray<SchemaProblem>(problems));
    }

    /// <summary>One schema. Throws <see cref="FormatException"/> with the reason.</summary>
    public static OperatorSchema Parse(string line)
    {
        var open = line.IndexOf('(');
        var arrow = line.LastIndexOf(" -> ", StringComparison.Ordinal);
        if (open < 0 || arrow < open || line[arrow - 1] != ')')
        {
            throw new FormatException("is not 'namespace::name.overload(arguments) -> results'");
        }

        var full = line.Substring(0, open);
        var colons = full.IndexOf("::", StringComparison.Ordinal);
        if (colons <= 0)
        {
            throw new FormatException("has no namespace");
        }

        var name = full.Substring(colons + 2);
        var dot = name.IndexOf('.');
        var written = new Dictionary<string, int>(StringComparer.Ordinal);
        var arguments = new List<Argument>();
        foreach (var part in SplitTop(line.Substring(open + 1, arrow - open - 2)))
        {
            if (part == "*")
            {
                continue;
            }

            var (type, argument, alias) = ReadDeclaration(part);
            var equals = argument.IndexOf('=');
            var argumentName = equals < 0 ? argument : argument.Substring(0, equals);
            var isWritten = alias.EndsWith("!", StringComparison.Ordinal);
            if (isWritten)
            {
                written[alias] = arguments.Count;
            }

            arguments.Add(new Argument(
                argumentName, KindOf(type), equals < 0 ? null : argument.Substring(equals + 1), isWritten));
        }

        var results = new List<Result>();
        var tail = line.Substring(arrow + 4);
        if (tail.StartsWith("(", StringComparison.Ordinal) && tail.EndsWith(")", StringComparison.Ordinal))
        {
            tail = tail.Substring(1, tail.Length - 2);
        }

        foreach (var part in SplitTop(tail))
        {
            var (type, resultName, alias) = ReadDeclaration(part);
            results.Add(new Result(resultName, KindOf(type), written.TryGetValue(alias, out var at) ? at : -1));
        }

        return new OperatorSchema(
            full.Substring(0, colons),
            dot < 0 ? name : name.Substring(0, dot),
            dot < 0 ? "" : name.Substring(dot + 1),
            line,
            new EquatableArray<Argument>(arguments),
            new EquatableArray<Result>(results));
    }

    private static ValueKind KindOf(string type)
    {
        switch (type.Replace("SymInt", "int"))
        {
            case "Tensor": return ValueKind.Tensor;
            case "Tensor?": return ValueKind.OptionalTensor;
            case "Tensor[]": return ValueKind.TensorList;
            case "Tensor?[]": return ValueKind.OptionalTensorList;
            case "Scalar": return ValueKind.Scalar;
            case "Scalar?": return ValueKind.OptionalScalar;
            case "int": return ValueKind.Int;
            case "int?": return ValueKind.OptionalInt;
            case "float": return ValueKind.Double;
            case "float?": return ValueKind.OptionalDouble;
            case "float[]": return ValueKind.DoubleList;
            case "float[]?": return ValueKind.OptionalDoubleList;
            case "bool": return ValueKind.Bool;
            case "bool?": return ValueKind.OptionalBool;
            case "str": return ValueKind.String;
            case "str?": return ValueKind.OptionalString;
            case "ScalarType": return ValueKind.ScalarType;
            case "ScalarType?": return ValueKind.OptionalScalarType;
            case "Layout" or "MemoryFormat": return ValueKind.Int;
            case "Layout?" or "MemoryFormat?": return ValueKind.OptionalInt;
            case "Device": return ValueKind.Device;
            case "Device?": return ValueKind.OptionalDevice;
            case "Generator?": return ValueKind.OptionalGenerator;
            case var list when IsSized(list, "int"): return ValueKind.IntList;
            case var list when list.EndsWith("?", StringComparison.Ordinal) && IsSized(list.Substring(0, list.Length - 1), "int"):
                return ValueKind.OptionalIntList;
            case var list when IsSized(list, "bool"): return ValueKind.BoolList;
            default: throw new FormatException("has a value of type '" + type + "', which is not supported");
        }
    }

    // "int[]", "int[2]"
    private static bool IsSized(string type, string element) =>
        type.StartsWith(element + "[", StringComparison.Ordinal)
        && type.EndsWith("]", StringComparison.Ordinal)
        && type.Substring(element.Length + 1, type.Length - element.Length - 2).All(char.IsDigit);

    // "Tensor(a!) self" is ("Tensor", "self", "a!"); "Tensor(a)[] x" is ("Tensor[]", "x", "a").
    private static (string Type, string Name, string Alias) ReadDeclaration(string text)
    {
        var alias = "";
        var open = text.IndexOf('(');
        var equals = text.IndexOf('=');
        if (open >= 0 && (equals < 0 || open < equals))
        {
            var close = text.IndexOf(')', open);
            if (close < 0)
            {
                throw new FormatException("has an open bracket in '" + text + "'");
            }

            alias = text.Substring(open + 1, close - open - 1);
            text = text.Remove(open, close - open + 1);
        }

        var space = text.IndexOf(' ');
        return space < 0 ? (text, "", alias) : (text.Substring(0, space), text.Substring(space + 1), alias);
    }

    // Splits at ", " outside of brackets and quotes.
    private static IEnumerable<string> SplitTop(string text)
    {
        var depth = 0;
        var quoted = false;
        var start = 0;
        for (var k = 0; k < text.Length; k++)
        {
            switch (text[k])
            {
                case '"': quoted = !quoted; break;
                case '(' or '[' when !quoted: depth++; break;
                case ')' or ']' when !quoted: depth--; break;
                case ',' when depth == 0 && !quoted:
                    yield return text.Substring(start, k - start).Trim();
                    start = k + 1;
                    break;
            }
        }

        var last = text.Substring(start).Trim();
        if (last.Length > 0)
        {
            yield return last;
        }
    }
}
