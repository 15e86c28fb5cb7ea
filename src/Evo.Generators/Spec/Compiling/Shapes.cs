// The shape of every value of a forward, in sizes of the configuration, and the findings of those that cannot fit.
using System;
using System.Collections.Generic;
using System.Linq;

namespace Evo.Generators.Spec.Compiling;

/// <summary>Something wrong with the value of a step: the finding's id, which value, and what its message says.</summary>
internal sealed record Finding(string Id, int Value, params string[] Arguments);

/// <summary>Two sizes that must be equal in every model; a condition says in which, where not in all.</summary>
internal sealed record Assumption(Size Found, Size Wanted, string Where, string Condition);

internal sealed class Shapes
{
    private readonly BlockSpec block;
    private readonly Dictionary<string, PartSpec> parts;
    private readonly Dictionary<int, Size[]> shapes = new();
    private readonly Dictionary<string, double> values;
    private readonly Dictionary<int, Finding> apart = new();
    private readonly List<Assumption> assumed = new();
    private readonly Stack<string> conditions = new();

    private Shapes(BlockSpec block)
    {
        this.block = block;
        parts = block.Parts.ToDictionary(p => p.Method);
        values = block.Defaults.ToDictionary(d => d.Name, d => d.Value);
    }

    /// <summary>What cannot be: sizes that meet and differ.</summary>
    public List<Finding> Findings { get; } = new();

    /// <summary>Pairs of sizes that must be equal and cannot be seen to be: checked where the numbers are known.</summary>
    public IReadOnlyList<Assumption> Assumed => assumed;

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
                Side(step.Then, step.Condition);
                Side(step.Else, $"!({step.Condition})");
                for (var k = 0; k < step.Outputs.Count; k++)
                {
                    Either(step.Inputs[2 * k], step.Inputs[(2 * k) + 1], step.Outputs[k]);
                }

                continue;
            }

            // What a choice leaves in two shapes is wrong only where somebody reads it.
            Findings.AddRange(step.Inputs.Where(apart.ContainsKey).Select(i => apart[i]));
            if (step.Inputs.All(shapes.ContainsKey) && Step(step) is { } shape)
            {
                shapes[step.Output] = shape;
            }
        }
    }

    private void Side(IEnumerable<StepSpec> steps, string condition)
    {
        conditions.Push(condition);
        Steps(steps);
        conditions.Pop();
    }

    private void Either(int then, int other, int output)
    {
        if (!shapes.TryGetValue(then, out var a) || !shapes.TryGetValue(other, out var b))
        {
            return;
        }

        var before = Findings.Count;
        if (a.Length == b.Length && a.Zip(b, (x, y) => Same(x, y, output, Diagnostics.ResidualWidth, "if")).All(same => same))
        {
            shapes[output] = a;
            return;
        }

        apart[output] = Findings.Count > before ? Findings[Findings.Count - 1] : new Finding(Diagnostics.ResidualWidth, output, "if", Show(a), Show(b), "");
        Findings.RemoveRange(before, Findings.Count - before);
    }

    private Size[]? Step(StepSpec step)
    {
        var inputs = step.Inputs.Select(i => shapes[i]).ToArray();
        return step.Kind switch
        {
            StepKind.Part => Part(step, parts[step.Name], inputs),
            StepKind.Function => Function(step, inputs),
            StepKind.Operator => inputs.Length == 1 ? inputs[0] : Broadcast(step, inputs[0], inputs[1]),
            StepKind.TensorMethod => View(step, inputs[0]),
            StepKind.Return => Returned(step, inputs[0]),
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
                return Dims(step, part, x, 2) ? x.Append(S(1)).ToArray() : null;
            case PartKind.Layers:
                return Dims(step, part, x, 3) && Width(x[2], Residual) ? x : null;
            case PartKind.Router:
                return Dims(step, part, x, 3) && Width(x[2], S(0)) ? new[] { x[0], x[1], S(1) } : null;
            case PartKind.Experts:
                return Dims(step, part, x, 3) && Dims(step, part, inputs[1], 3) && Width(x[2], S(0)) && Width(inputs[1][2], S(2)) ? x : null;
            case PartKind.Column or PartKind.Linear:
                return Dims(step, part, x, 3) && Width(x[2], S(0)) ? x.Take(2).Concat(part.Sizes.Skip(1).Select(Size.Of)).ToArray() : null;
            case PartKind.Row:
                return Dims(step, part, x, 3, orMore: true) && Width(Size.Product(x.Skip(2)), S(0)) ? new[] { x[0], x[1], S(1) } : null;
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

    // The width of the residual stream: that of the first embedding, or what a layer is given.
    private Size Residual => Size.Of(block.IsModel ? block.Parts.First(p => p.Kind == PartKind.Embedding).Sizes[1] : block.Width);

    private Size[]? Returned(StepSpec step, Size[] x)
    {
        var made = step.Inputs[0];
        var head = block.Parts.FirstOrDefault(p => p.Kind == PartKind.Head);
        if (x.Length != 3)
        {
            Findings.Add(new Finding(Diagnostics.PartDims, made, head?.Method ?? block.ForwardName, "3", Show(x)));
            return null;
        }

        var fits = block.IsModel
            ? head is null || Same(x[2], Size.Of(head.Sizes[0]), made, Diagnostics.PartWidth, head.Method)
            : Same(x[2], Residual, made, Diagnostics.ResidualWidth, "return");
        return fits ? x : null;
    }

    private Size[]? View(StepSpec step, Size[] x)
    {
        var (shape, wrong) = Views.Checked(step, x, Default, (a, b) => Same(a, b, step.Output, Diagnostics.ViewDims, step.Name));
        if (wrong.Length > 0)
        {
            Findings.RemoveAll(f => f.Id == Diagnostics.ViewDims && f.Value == step.Output);
            Findings.Add(new Finding(Diagnostics.ViewDims, step.Output, step.Name, wrong));
        }

        return shape;
    }

    private bool Dims(StepSpec step, PartSpec part, Size[] shape, int count, bool orMore = false)
    {
        if (shape.Length == count || (orMore && shape.Length > count))
        {
            return true;
        }

        Findings.Add(new Finding(Diagnostics.PartDims, step.Output, part.Method, orMore ? $"{count} or more" : count.ToString(), Show(shape)));
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

        if (!found.IsConfigured || !wanted.IsConfigured)
        {
            Findings.Add(new Finding(id, value, where, found.Code, wanted.Code, ""));
            return false;
        }

        // Equal as the record starts, or not to be told before a configuration is read.
        var assumption = new Assumption(found, wanted, where, string.Join(" && ", conditions.Reverse().Select(Emitting.Names.Atom)));
        if (!assumed.Contains(assumption))
        {
            assumed.Add(assumption);
        }

        return true;
    }

    public static string Show(IEnumerable<Size> shape) => "[" + string.Join(", ", shape.Select(s => s.Code)) + "]";
}
