using System.Globalization;
using System.Numerics;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>Tensors as text, in the styles of <see cref="TensorStringStyle"/>.</summary>
internal sealed class TensorText(string floatFormat, int width, CultureInfo culture, string newLine)
{
    private const int Shown = 6; // rows and columns of the Numpy and C# styles before the middle is left out

    internal static string Metadata(Tensor t)
    {
        if (t.IsInvalid) return "<disposed>";
        return $"[{string.Join("x", t.shape)}], type = {t.dtype}, device = {t.device}";
    }

    internal string Julia(Tensor t)
    {
        var text = new StringBuilder(Metadata(t));
        if (t.is_meta) return text.ToString();
        var values = Values(t);
        if (t.ndim == 0) return text.Append(", value = ").Append(values[0]).ToString();
        var shape = t.shape;
        var columns = (int)shape[^1];
        var rows = shape.Length == 1 ? 1 : (int)shape[^2];
        var planes = rows * columns == 0 ? 0 : values.Length / (rows * columns);
        for (var plane = 0; plane < planes; plane++)
        {
            if (shape.Length > 2) text.Append(newLine).Append(PlaneName(plane, shape)).Append(" =");
            text.Append(newLine);
            Table(text, values, plane * rows * columns, rows, columns);
        }
        return text.ToString();
    }

    internal string Numpy(Tensor t) => t.is_meta ? Metadata(t) : Nested(Values(t), t.shape, "[", "]", " ", oneLine: false);

    internal string CSharp(Tensor t)
    {
        if (t.is_meta) return Metadata(t);
        var values = Values(t);
        if (t.ndim == 0) return $"{Metadata(t)}, value = {values[0]}";
        var type = Tensor.ElementType(t.dtype).Name switch
        {
            "Single" => "float",
            "Double" => "double",
            "Int64" => "long",
            "Int32" => "int",
            "Int16" => "short",
            "SByte" => "sbyte",
            "Byte" => "byte",
            "Boolean" => "bool",
            var other => other,
        };
        return $"{Metadata(t)}, value = {newLine}new {type}[{new string(',', (int)t.ndim - 1)}] {Nested(values, t.shape, "{", "}", ", ", oneLine: true)}";
    }

    private static string PlaneName(int plane, long[] shape)
    {
        var outer = shape[..^2];
        var indices = new long[outer.Length];
        for (var dim = outer.Length - 1; dim >= 0; dim--)
        {
            indices[dim] = plane % outer[dim];
            plane /= (int)outer[dim];
        }
        return $"[{string.Join(",", indices)},..,..]";
    }

    private void Table(StringBuilder text, string[] values, int at, int rows, int columns)
    {
        var sizes = new int[columns];
        for (var column = 0; column < columns; column++)
            for (var row = 0; row < rows; row++)
                sizes[column] = Math.Max(sizes[column], Padded(values[at + row * columns + column]).Length);
        var fitting = 0;
        for (var used = 0; fitting < columns && (used += sizes[fitting] + 1) <= width; fitting++) { }
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < fitting; column++)
            {
                var value = Padded(values[at + row * columns + column]);
                text.Append(column < fitting - 1 ? value.PadRight(sizes[column] + 1) : value);
            }
            if (fitting < columns) text.Append(" ...");
            text.Append(newLine);
        }
    }

    private static string Padded(string value) => value.StartsWith('-') ? value : " " + value;

    private string Nested(string[] values, long[] shape, string open, string close, string between, bool oneLine)
    {
        var text = new StringBuilder();
        var size = values.Length == 0 ? 0 : values.Max(v => v.Length);
        Dim(0, 0, values.Length);
        return text.ToString();

        void Dim(int dim, int at, int length)
        {
            if (dim == shape.Length)
            {
                text.Append(oneLine ? values[at] : values[at].PadLeft(size));
                return;
            }
            var count = (int)shape[dim];
            var step = count == 0 ? 0 : length / count;
            var skip = count > Shown;
            text.Append(open);
            for (var i = 0; i < count; i++)
            {
                if (i > 0) text.Append(dim == shape.Length - 1 || oneLine ? between : newLine + new string(' ', dim + 1));
                if (skip && i == Shown / 2)
                {
                    text.Append("...");
                    i = count - Shown / 2 - 1;
                    continue;
                }
                Dim(dim + 1, at + i * step, step);
            }
            text.Append(close);
        }
    }

    private string[] Values(Tensor tensor)
    {
        using var copy = tensor.detach();
        using var near = copy.cpu();
        string Real(double number) => number.ToString(floatFormat, culture);
        string Number(Complex number) =>
            number.Imaginary == 0 ? Real(number.Real)
            : number.Real == 0 ? Real(number.Imaginary) + "i"
            : $"{Real(number.Real)}{(number.Imaginary < 0 ? "" : "+")}{Real(number.Imaginary)}i";
        string[] Texts<T>(Func<T, string> write) where T : unmanaged => near.data<T>().ToArray().Select(write).ToArray();
        return tensor.dtype switch
        {
            ScalarType.Float32 => Texts<float>(v => v.ToString(floatFormat, culture)),
            ScalarType.Float64 => Texts<double>(Real),
            ScalarType.Float16 => Texts<Half>(v => ((float)v).ToString(floatFormat, culture)),
            ScalarType.BFloat16 => Texts<BFloat16>(v => v.ToSingle().ToString(floatFormat, culture)),
            ScalarType.Int64 => Texts<long>(v => v.ToString(culture)),
            ScalarType.Int32 => Texts<int>(v => v.ToString(culture)),
            ScalarType.Int16 => Texts<short>(v => v.ToString(culture)),
            ScalarType.Int8 => Texts<sbyte>(v => v.ToString(culture)),
            ScalarType.Byte => Texts<byte>(v => v.ToString(culture)),
            ScalarType.Bool => Texts<bool>(v => v.ToString(culture)),
            ScalarType.ComplexFloat32 => Texts<(float, float)>(v => Number(new Complex(v.Item1, v.Item2))),
            ScalarType.ComplexFloat64 => Texts<Complex>(Number),
            _ => throw new NotSupportedException($"Values of {tensor.dtype} are not written as text."),
        };
    }
}
