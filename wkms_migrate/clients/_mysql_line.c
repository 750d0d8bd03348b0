/* The innermost loop of a copy. mysql_line.py says what it does and does it where this was not built; tests hold the two
 * to each other. Built for the stable ABI, so that one build serves every Python from 3.11 on.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

enum { NULL_MARK = 0xFB, TWO_BYTES = 0xFC, THREE_BYTES = 0xFD };
enum { PLAIN = 0, ESCAPED = 1, JSON = 2 };
enum { MANY_DIGITS = 16, LONG_ROW = 1 << 16 };

static int is_special(char one) { return one == '\\' || one == '\t' || one == '\n'; }

static int is_digit(char one) { return one >= '0' && one <= '9'; }

/* Write a field with its backslashes, at most twice its size. Return where it ends. */
static char *escape(char *to, const char *field, Py_ssize_t size)
{
    const char *end = field + size;
    if (!memchr(field, '\\', size) && !memchr(field, '\t', size) && !memchr(field, '\n', size))
        return (char *)memcpy(to, field, size) + size;
    for (; field < end; field++) {
        if (is_special(*field))
            *to++ = '\\';
        *to++ = *field;
    }
    return to;
}

/* Say whether a value of JSON begins here, but for a minus sign. */
static int begins_value(const char *json, Py_ssize_t at)
{
    if (at && json[at - 1] == '-')
        at--;
    if (!at || json[at - 1] == '[')
        return 1;
    return at > 1 && json[at - 1] == ' ' && (json[at - 2] == ':' || json[at - 2] == ',');
}

/* Say whether JSON, as servers write it, holds what LOOSE_NUMBER finds. */
static int is_loose(const char *json, Py_ssize_t size)
{
    Py_ssize_t at = 0;
    while (at < size) {
        Py_ssize_t first = at;
        while (at < size && is_digit(json[at]))
            at++;
        int is_fraction = at + 1 < size && json[at] == '.' && is_digit(json[at + 1]);
        if (at > first && (is_fraction || at - first >= MANY_DIGITS) && begins_value(json, first))
            return 1;
        at += at == first;
    }
    return 0;
}

/* Read the length in front of a field. Return -1 when the field runs over the end of its row. */
static Py_ssize_t length(const unsigned char **at, const unsigned char *end)
{
    if (*at == end)
        return -1;
    int first = *(*at)++;
    int width = first < NULL_MARK ? 0 : first == TWO_BYTES ? 2 : first == THREE_BYTES ? 3 : 8;
    uint64_t size = width ? 0 : first;
    if (end - *at < width)
        return -1;
    for (int byte = 0; byte < width; byte++)
        size |= (uint64_t)*(*at)++ << 8 * byte;
    return size > (uint64_t)(end - *at) ? -1 : (Py_ssize_t)size;
}

/* Write a line and say in `loose` what is_loose says of its JSON. Return its end, NULL for a row that is too short. */
static char *write_line(char *to, const unsigned char *at, const unsigned char *end, const char *columns,
                        Py_ssize_t count, int *loose)
{
    for (Py_ssize_t column = 0; column < count; column++) {
        if (column)
            *to++ = '\t';
        if (at < end && *at == NULL_MARK) {
            at++;
            *to++ = '\\';
            *to++ = 'N';
            continue;
        }
        Py_ssize_t size = length(&at, end);
        if (size < 0)
            return NULL;
        const char *field = (const char *)at;
        if (columns[column] == JSON && !*loose)
            *loose = is_loose(field, size);
        to = columns[column] == PLAIN ? (char *)memcpy(to, field, size) + size : escape(to, field, size);
        at += size;
    }
    *to++ = '\n';
    return to;
}

static PyObject *append(PyObject *module, PyObject *arguments)
{
    PyObject *lines;
    const char *row, *columns;
    Py_ssize_t size, count;
    int loose = 0;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!y#y#", &PyByteArray_Type, &lines, &row, &size, &columns, &count))
        return NULL;
    Py_ssize_t used = PyByteArray_Size(lines);
    /* Each byte may need a backslash, each column has a tab or the line feed behind it, and \N is a byte longer. */
    if (size > (PY_SSIZE_T_MAX - used) / 2 - 2 * count - 1) {
        PyErr_NoMemory();
        return NULL;
    }
    if (PyByteArray_Resize(lines, used + 2 * size + 2 * count + 1) < 0)
        return NULL;
    char *begin = PyByteArray_AsString(lines) + used, *end;
    const unsigned char *at = (const unsigned char *)row;
    if (size > LONG_ROW) {
        Py_BEGIN_ALLOW_THREADS
        end = write_line(begin, at, at + size, columns, count, &loose);
        Py_END_ALLOW_THREADS
    } else {
        end = write_line(begin, at, at + size, columns, count, &loose);
    }
    if (PyByteArray_Resize(lines, used + (end ? end - begin : 0)) < 0)
        return NULL;
    if (!end) {
        PyErr_SetString(PyExc_ValueError, "a row is shorter than its columns");
        return NULL;
    }
    return PyBool_FromLong(loose);
}

static PyMethodDef functions[] = {
    {"append", append, METH_VARARGS, "append(lines, row, columns): see append_in_python"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_mysql_line", NULL, 0, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__mysql_line(void) { return PyModule_Create(&definition); }
