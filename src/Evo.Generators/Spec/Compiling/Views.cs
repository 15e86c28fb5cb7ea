// Views of a tensor: what they do to shapes, and how their arguments are written when a dim is held in shares.
using System.Collections.Generic;
using System.Linq;

namespace Evo.Generators.Spec.Compiling;

internal static class Views
{
    /// <summary>The dims that a view names, from the front, and the sizes that it gives.</summary>
    /// <returns>Null where they are not constants.</returns>
    public static (int[] Dims, Size[] Sizes)? Arguments(StepSpec step, int rank)
    {
        var constants = step.Arguments.Select(a => a.Constant).ToArray();
        int? Dim(int index, int fallback)
        {
            var dim = index < constants.Length ? constants[index] : fallback;
            return dim < 0 ? dim + rank : dim;
        }

        int[]? Of(params int?[] dims) => dims.All(d => d is >= 0 && d < rank) ? dims.Select(d => d!.Value).ToArray() : null;
        var (named, sizes) = step.Name switch
        {
            "narrow" => (Of(Dim(0, 0)), new[] { Size.Of(step.Arguments.Count > 2 ? step.Arguments[2].Code : "0") }),
            "select" => (Of(Dim(0, 0)), new Size[0]),
            "flatten" => (Of(Dim(0, 0), Dim(1, -1)), new Size[0]),
            "unflatten" => (Of(Dim(0, 0)), Sizes(step, 1)),
            "transpose" => (Of(Dim(0, 0), Dim(1, 0)), new Size[0]),
            "unsqueeze" => (constants.Length == 1 && constants[0] is { } at && at >= -rank - 1 && at <= rank ? new[] { at < 0 ? at + rank + 1 : at } : null, new Size[0]),
            "squeeze" => (Of(Dim(0, rank)), new Size[0]),
            "permute" => (Of(Order(step, rank)), new Size[0]),
            "view" or "reshape" => (new int[0], Sizes(step, 0)),
            _ => (new int[0], new Size[0]),
        };
        return named is null ? null : (named, sizes);
    }

    /// <summary>The shape that a view gives; null where it cannot be told.</summary>
    public static Size[]? Shape(StepSpec step, Size[] x)
    {
        if (Arguments(step, x.Length) is not var (dims, sizes))
        {
            return null;
        }

        var shape = x.ToList();
        switch (step.Name)
        {
            case "narrow":
                shape[dims[0]] = sizes[0];
                return shape.ToArray();
            case "select":
                shape.RemoveAt(dims[0]);
                return shape.ToArray();
            case "flatten":
                return x.Take(dims[0]).Append(Size.Product(x.Skip(dims[0]).Take(dims[1] - dims[0] + 1))).Concat(x.Skip(dims[1] + 1)).ToArray();
            case "unflatten":
                return x.Take(dims[0]).Concat(sizes).Concat(x.Skip(dims[0] + 1)).ToArray();
            case "transpose":
                (shape[dims[0]], shape[dims[1]]) = (shape[dims[1]], shape[dims[0]]);
                return shape.ToArray();
            case "unsqueeze":
                shape.Insert(dims[0], Size.One);
                return shape.ToArray();
            case "squeeze":
                shape.RemoveAt(dims[0]);
                return shape.ToArray();
            case "permute":
                return dims.Select(d => x[d]).ToArray();
            case "contiguous":
                return x;
            default:
                return sizes;
        }
    }

    /// <summary>The shape that a view gives, or what is wrong with it.</summary>
    /// <param name="step">The view.</param>
    /// <param name="x">The shape that it is taken of.</param>
    /// <param name="number">What a size is as the record starts.</param>
    /// <param name="same">Whether two sizes may be taken for equal.</param>
    public static (Size[]? Shape, string Wrong) Checked(StepSpec step, Size[] x, System.Func<Size, long?> number, System.Func<Size, Size, bool> same)
    {
        (Size[]?, string) No(string wrong) => (null, wrong);
        if (Arguments(step, x.Length) is not var (dims, sizes) || Shape(step, x) is not { } shape)
        {
            return No($"its dims are whole numbers known while compiling, and among the {x.Length} dims of {Shapes.Show(x)}");
        }

        if (sizes.FirstOrDefault(s => s.Code.StartsWith("-", System.StringComparison.Ordinal)) is { } inferred)
        {
            return No($"{inferred.Code} leaves a size to be found out; say it");
        }

        switch (step.Name)
        {
            case "flatten" when dims[0] > dims[1]:
                return No($"it begins at dim {dims[0]} and ends at dim {dims[1]}");
            case "unflatten" when !same(Size.Product(sizes), x[dims[0]]):
                return No($"its sizes {Shapes.Show(sizes)} come to {Told(Size.Product(sizes))}, and the dim that it takes apart is {Told(x[dims[0]])}");
            case "view" or "reshape":
                return No($"{Shapes.Show(sizes)} does not say which of {Shapes.Show(x)} stays what it is; use flatten and unflatten");
            case "squeeze" when number(x[dims[0]]) != 1:
                return No($"dim {dims[0]} of {Shapes.Show(x)} is {Told(x[dims[0]])}, and not 1");
            case "narrow" when number(Size.Of(step.Arguments[1].Code)) + number(sizes[0]) > number(x[dims[0]]):
            case "select" when number(Size.Of(step.Arguments[1].Code)) >= number(x[dims[0]]):
                return No($"it reaches beyond dim {dims[0]} of {Shapes.Show(x)}, which is {Told(x[dims[0]])}");
            default:
                return (shape, "");
        }

        string Told(Size size) => number(size) is { } value && value.ToString() != size.Code ? $"{size.Code} = {value}" : size.Code;
    }

    // Sizes stand one by one, or in one collection.
    private static Size[] Sizes(StepSpec step, int from) =>
        step.Arguments.Skip(from).SelectMany(a => Elements(a.Code)).Select(Size.Of).ToArray();

    private static int?[] Order(StepSpec step, int rank) =>
        step.Arguments.SelectMany(a => Elements(a.Code))
            .Select(e => int.TryParse(e, out var dim) ? (dim < 0 ? dim + rank : dim) : (int?)null).ToArray();

    private static IEnumerable<string> Elements(string code)
    {
        var text = code.Trim();
        if (!text.StartsWith("[", System.StringComparison.Ordinal) || !text.EndsWith("]", System.StringComparison.Ordinal))
        {
            yield return text;
            yield break;
        }

        var (depth, start) = (0, 1);
        for (var i = 1; i < text.Length; i++)
        {
            depth += text[i] is '(' or '[' ? 1 : text[i] is ')' or ']' ? -1 : 0;
            if ((text[i] == ',' && depth == 0) || depth < 0)
            {
                yield return text.Substring(start, i - start).Trim();
                start = i + 1;
            }
        }
    }
}
