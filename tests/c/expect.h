/* What the C program's files share. */
#pragma once

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bgem3/c.h>

#define CHECK(condition) check(condition, #condition, __FILE__, __LINE__)
#define OK(call) expect(call, BGEM3_OK, "", #call, __FILE__, __LINE__)
#define REFUSED(call, message) expect(call, BGEM3_INVALID_ARGUMENT, message, #call, __FILE__, __LINE__)
#define FAILS(call, status, message) expect(call, status, message, #call, __FILE__, __LINE__)

static inline void check(bool holds, const char* condition, const char* file, int line) {
  if (holds) return;
  fprintf(stderr, "%s:%d: does not hold: %s\nlast error: %s\n", file, line, condition, bgem3_last_error());
  exit(1);
}

/* A failure leaves a message that contains `message`. */
static inline void expect(bgem3_status found, bgem3_status expected, const char* message, const char* call,
                          const char* file, int line) {
  if (found == expected && (expected == BGEM3_OK || strstr(bgem3_last_error(), message) != NULL)) return;
  fprintf(stderr, "%s:%d: %s\nexpected: %s, %s\nfound: %s, %s\n", file, line, call, bgem3_status_name(expected),
          message, bgem3_status_name(found), bgem3_last_error());
  exit(1);
}

/* The message is that of a value that was returned. */
static inline bool said(const char* message) { return strstr(bgem3_last_error(), message) != NULL; }

static inline float norm(const float* vector, size_t size) {
  double sum = 0;
  for (size_t i = 0; i < size; ++i) sum += (double)vector[i] * vector[i];
  return (float)sqrt(sum);
}

static const char* const texts[] = {"Hello World", "", "Le prix du caf\xC3\xA9 est de 3 \xE2\x82\xAC."};
enum { count = 3 };

static inline bgem3_encode_options all_kinds(void) {
  bgem3_encode_options options;
  OK(bgem3_encode_options_init(&options, sizeof options));
  options.sparse = 1;
  options.colbert = 1;
  return options;
}

/* test_options.c */
void test_option_defaults(void);
void test_options_of_a_later_version(const bgem3_embedder* embedder);
void test_load_refuses(const char* directory);
void test_load_options(const char* directory);
void test_encode_options(const bgem3_embedder* embedder);
