// The shape of every value of a forward, in sizes of the configuration, and the findings of those that cannot fit.
using System;
using System.Collections.Generic;
using System.Linq;

namespace Evo.Generators.Spec.Compiling;

/// <summary>Something wrong with the value of a step: the finding's id, which value, and what its message says.</summary>
internal sealed record Finding(string Id, int Value, params string[] Arguments);

internal sealed class Shapes
{
    private readonly BlockSpec block;
    private readonly Dictionary<string, PartSpec> parts;
    private readonly Dictionary<int, Size[]> shapes = new();
    private readonly Dictionary<string, double> values;
    private readonly HashSet<(Size, Size)> assumed = new();

    private Shapes(BlockSpec block)
    {
        this.block = block;
        parts = block.Parts.ToDictionary(p => p.Method);
        values = block.Defaults.ToDictionary(d => d.Name, d => d.Value);
    }

    /// <summary>What cannot be: sizes that meet and differ.</summary>
    public List<Finding> Findings { get; } = new();

    /// <summary>Pairs of sizes that must be equal and cannot be seen to be: checked where the numbers are known.</summary>
    public IEnumerable<(Size Found, Size Wanted)> Assumed => assumed;

    /// <summary>Infers every shape of a block whose input has the given shape.</summary>
    public static Shapes Of(BlockSpec block, params Size[] input)
    {
        var shapes = new Shapes(block);
        shapes.shapes[0] = input;
        shapes.Steps(block.Forward);
        return shapes;
    }

    /// <summary>A model's input is token ids, a layer's the residual stream.</summary>
    public static Shapes OfBlock(BlockSpec block) => block.IsModel
        ? Of(block, Size.Batch, Size.Tokens)
        : Of(block, Size.Batch, Size.Tokens, Size.Of(block.Width));

    public Size[] this[int value] => shapes.TryGetValue(value, out var shape) ? shape : Array.Empty<Size>();

    /// <summary>Whether a value's shape is known.</summary>
    public bool Knows(int value) => shapes.ContainsKey(value);

    /// <summary>The number that a size is in the model as its record starts it.</summary>
    public long? Default(Size size) => size.Value(name => values.TryGetValue(name, out var value) ? (long)value : null);

    private void Steps(IEnumerable<StepSpec> steps)
    {
        foreach (var step in steps)
        {
            if (step.Kind == StepKind.Choice)
            {
                Steps(step.Then);
                Steps(step.Else);
                for (var k = 0; k < step.Outputs.Count; k++)
                {
                    Either(step, step.Inputs[2 * k], step.Inputs[(2 * k) + 1], step.Outputs[k]);
                }
            }
            else if (step.Inputs.All(shapes.ContainsKey) && Step(step) is { } shape)
            {
                shapes[step.Output] = shape;
            }
        }
    }

    private void Either(StepSpec step, int then, int other, int output)
    {
        if (!shapes.TryGetValue(then, out var a) || !shapes.TryGetValue(other, out var b))
        {
            return;
        }

        if (a.Length != b.Length || !a.Zip(b, (x, y) => Same(x, y, step.Output, Diagnostics.ResidualWidth, "if")).All(same => same))
        {
            return;
        }

        shapes[output] = a;
    }

    private Size[]? Step(StepSpec step)
    {
        var inputs = step.Inputs.Select(i => shapes[i]).ToArray();
        return step.Kind switch
        {
            StepKind.Part => Part(step, parts[step.Name], inputs),
            StepKind.Function => Function(step, inputs),
            StepKind.Operator => inputs.Length == 1 ? inputs[0] : Broadcast(step, inputs[0], inputs[1]),
            StepKind.TensorMethod => Views.Shape(step, inputs[0]),
            _ => inputs.FirstOrDefault(),
        };
    }

    private Size[]? Function(StepSpec step, Size[][] inputs)
    {
        if (inputs.Length == 0)
        {
            return new[] { Size.One, Size.Tokens };
        }

        return inputs.Length == 1 ? inputs[0] : Broadcast(step, inputs[0], inputs[1], Diagnostics.GatedWidth);
    }

    private Size[]? Broadcast(StepSpec step, Size[] a, Size[] b, string id = Diagnostics.ResidualWidth)
    {
        if (a.Length != b.Length)
        {
            Findings.Add(new Finding(id, step.Output, step.Name, Show(a), Show(b), ""));
            return null;
        }

        var shape = new Size[a.Length];
        for (var k = 0; k < a.Length; k++)
        {
            shape[k] = a[k].Equals(Size.One) ? b[k] : a[k];
            if (!a[k].Equals(Size.One) && !b[k].Equals(Size.One) && !Same(a[k], b[k], step.Output, id, step.Name))
            {
                return null;
            }
        }

        return shape;
    }

    private Size[]? Part(StepSpec step, PartSpec part, Size[][] inputs)
    {
        var x = inputs[0];
        Size S(int k) => Size.Of(part.Sizes[k]);
        bool Width(Size found, Size wanted, string id = Diagnostics.PartWidth) => Same(found, wanted, step.Output, id, part.Method);
        switch (part.Kind)
        {
            case PartKind.Embedding:
                return x.Append(S(1)).ToArray();
            case PartKind.Column or PartKind.Linear:
                return Dims(step, part, x, 3) && Width(x[2], S(0)) ? x.Take(2).Concat(part.Sizes.Skip(1).Select(Size.Of)).ToArray() : null;
            case PartKind.Row:
                return x.Length >= 3 && Width(Size.Product(x.Skip(2)), S(0)) ? new[] { x[0], x[1], S(1) } : null;
            case PartKind.RmsNorm or PartKind.LayerNorm:
                return Width(x[x.Length - 1], S(0)) ? x : null;
            case PartKind.Rope:
                return Dims(step, part, x, 4) && Width(x[3], S(0), Diagnostics.HeadSize) ? x : null;
            case PartKind.Attention:
                return Dims(step, part, x, 4) && Dims(step, part, inputs[1], 4) && Dims(step, part, inputs[2], 4)
                    && Width(x[2], S(0), Diagnostics.HeadSize) && inputs.Skip(1).All(k => Width(k[2], S(1), Diagnostics.HeadSize))
                    && inputs.All(h => Width(h[3], S(2), Diagnostics.HeadSize)) ? x : null;
            default:
                return x;
        }
    }

    private bool Dims(StepSpec step, PartSpec part, Size[] shape, int count)
    {
        if (shape.Length == count)
        {
            return true;
        }

        Findings.Add(new Finding(Diagnostics.PartDims, step.Output, part.Method, count.ToString(), Show(shape)));
        return false;
    }

    // Sizes are equal as polynomials; or by the record's own numbers, and then checked with those of each model; or not.
    private bool Same(Size found, Size wanted, int value, string id, string where)
    {
        if (found.Equals(wanted))
        {
            return true;
        }

        var (a, b) = (Default(found), Default(wanted));
        if (a is not null && b is not null && a != b)
        {
            Findings.Add(new Finding(id, value, where, found.Code, wanted.Code, $" ({a} and {b} as the record starts)"));
            return false;
        }

        if (a is null || b is null)
        {
            Findings.Add(new Finding(id, value, where, found.Code, wanted.Code, ""));
            return false;
        }

        assumed.Add((found, wanted));
        return true;
    }

    public static string Show(IEnumerable<Size> shape) => "[" + string.Join(", ", shape.Select(s => s.Code)) + "]";
}
